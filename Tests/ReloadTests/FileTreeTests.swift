// SPDX-License-Identifier: Apache-2.0
import ConfigurationFiles
import FileTesting
import Testing

@testable import Reload

/// Files in a mounted volume that has a directory for each pod.
@Suite struct FileTreeTests {
    /// As the kubelet lays out a volume whose only name is the directory `node-a`.
    private func makeVolume() throws -> TemporaryDirectory {
        let volume = try TemporaryDirectory()
        try publish("1", in: volume)
        try volume.link("node-a", to: "..data/node-a")
        return volume
    }

    /// Writes the files of one version, and swaps `..data` to it.
    private func publish(_ version: String, in volume: TemporaryDirectory) throws {
        try volume.makeDirectory("..\(version)")
        try volume.makeDirectory("..\(version)/node-a")
        for name in ["dpvs.conf", "web.yaml"] {
            try volume.write("\(name) \(version)", to: "..\(version)/node-a/\(name)")
        }
        try volume.link("..data_tmp", to: "..\(version)")
        try volume.move("..data_tmp", onto: "..data")
    }

    private func text(_ tree: FileTree, _ path: String) throws -> String {
        String(decoding: try tree.read(path), as: UTF8.self)
    }

    @Test func `a directory of a volume is read in one version`() throws {
        let volume = try makeVolume()
        let tree = FileTree()
        let place = "\(volume.path)/node-a"
        #expect(try text(tree, "\(place)/dpvs.conf") == "dpvs.conf 1")
        try publish("2", in: volume)
        #expect(try text(tree, "\(place)/web.yaml") == "web.yaml 1")
        #expect(try tree.list(place).sorted() == ["dpvs.conf", "web.yaml"])
        #expect(!tree.isUnchanged)
        #expect(try text(FileTree(), "\(place)/web.yaml") == "web.yaml 2")
    }

    @Test func `the volume is watched beside its directory`() throws {
        let volume = try makeVolume()
        let place = "\(volume.path)/node-a"
        let loader = ConfigurationLoader(conf: "\(place)/dpvs.conf", servicesDirectory: place)
        #expect(FileSource(loader).load().directories == [volume.path, place])
    }

    @Test func `a directory that is no volume is read as it is`() throws {
        let plain = try TemporaryDirectory()
        try plain.makeDirectory("services.d")
        try plain.write("text", to: "services.d/web.yaml")
        try plain.link("other", to: "services.d")
        let tree = FileTree()
        #expect(try text(tree, "\(plain.path)/services.d/web.yaml") == "text")
        #expect(try text(tree, "\(plain.path)/other/web.yaml") == "text")
        #expect(tree.volumes.isEmpty)
        #expect(tree.isUnchanged)
    }

    @Test func `patterns name files in any directory, sorted, and not without end`() throws {
        let place = try TemporaryDirectory()
        for folder in ["b", "a", "c"] {
            try place.makeDirectory(folder)
            try place.makeDirectory("\(folder)/x.conf")
            for name in ["1.conf", "2.conf", ".3.conf"] {
                try place.write("", to: "\(folder)/\(name)")
            }
        }
        let tree = FileTree()
        let found = try tree.glob("\(place.path)/[ab]/*.conf")
        let wanted = ["a/1.conf", "a/2.conf", "b/1.conf", "b/2.conf"].map { "\(place.path)/\($0)" }
        #expect(found == wanted)
        #expect(try tree.glob("\(place.path)/a/1.conf") == ["\(place.path)/a/1.conf"])
        #expect(try tree.glob("\(place.path)/none/*").isEmpty)
        let start = ContinuousClock.now
        #expect(throws: SourceError.self) { try tree.glob("/*/*/*/*/*") }
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test func `a link that leads out of the directory is outside`() throws {
        let place = try TemporaryDirectory()
        try place.makeDirectory("conf")
        try place.write("", to: "secret")
        try place.write("", to: "conf/dpvs.conf")
        try place.link("conf/evil.yaml", to: "../secret")
        try place.link("conf/fine.yaml", to: "dpvs.conf")
        let main = "\(place.path)/conf/dpvs.conf"
        let tree = FileTree()
        #expect(tree.isOutside("\(place.path)/conf/evil.yaml", of: main))
        #expect(tree.isOutside("\(place.path)/conf/../secret", of: main))
        #expect(tree.isOutside("\(place.path)/secret", of: main))
        #expect(!tree.isOutside("\(place.path)/conf/fine.yaml", of: main))
        #expect(!tree.isOutside(main, of: main))
        let volume = try makeVolume()
        let mounted = "\(volume.path)/node-a/dpvs.conf"
        #expect(!tree.isOutside("\(volume.path)/node-a/web.yaml", of: mounted))
    }
}
