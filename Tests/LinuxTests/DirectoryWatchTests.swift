// SPDX-License-Identifier: Apache-2.0
import FileTesting
import Foundation
import Linux
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DirectoryWatchTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func watch() throws -> DirectoryWatch {
        var missing: [String] = []
        let watch = try DirectoryWatch([directory.path], missing: &missing)
        #expect(missing == [])
        return watch
    }

    private func firstEvent(
        of watch: DirectoryWatch,
        where matches: (DirectoryWatch.Event) -> Bool
    ) async -> DirectoryWatch.Event? {
        for await event in watch.events where matches(event) { return event }
        return nil
    }

    @Test func `a file written in place is named`() async throws {
        let watch = try watch()
        try directory.write("one", to: "dpvs.conf")
        let expected = DirectoryWatch.Event.changed(directory: directory.path, name: "dpvs.conf")
        #expect(await firstEvent(of: watch) { $0 == expected } == expected)
    }

    @Test func `an editor's rename is named after the file it makes`() async throws {
        try directory.write("one", to: "dpvs.conf")
        try directory.write("two", to: ".dpvs.conf.swp")
        let watch = try watch()
        try directory.move(".dpvs.conf.swp", onto: "dpvs.conf")
        let expected = DirectoryWatch.Event.changed(directory: directory.path, name: "dpvs.conf")
        #expect(await firstEvent(of: watch) { $0 == expected } == expected)
    }

    @Test func `a swap of Kubernetes' data link is seen`() async throws {
        try directory.makeDirectory("..1")
        try directory.makeDirectory("..2")
        try directory.link("..data", to: "..1")
        let watch = try watch()
        try directory.link("..data_tmp", to: "..2")
        try directory.move("..data_tmp", onto: "..data")
        let expected = DirectoryWatch.Event.changed(directory: directory.path, name: "..data")
        #expect(await firstEvent(of: watch) { $0 == expected } == expected)
    }

    @Test func `a directory that is taken away says so`() async throws {
        let watch = try watch()
        try FileManager.default.removeItem(atPath: directory.path)
        let expected = DirectoryWatch.Event.gone(directory: directory.path)
        #expect(await firstEvent(of: watch) { $0 == expected } == expected)
    }

    @Test func `a directory that is not there is missing, and the others are watched`() throws {
        var missing: [String] = []
        let absent = directory.path + "/absent"
        _ = try DirectoryWatch([directory.path, absent], missing: &missing)
        #expect(missing == [absent])
    }

    @Test func `the events end when the watch stops`() async throws {
        let watch = try watch()
        watch.stop()
        #expect(await firstEvent(of: watch) { _ in true } == nil)
    }
}
