// SPDX-License-Identifier: Apache-2.0
import BPF
import CRealIP
import Linux

/// Whether a receiver leaves what it knows, and what it has attached, to the next one of its name.
package enum PinPlace: Equatable, Sendable {
    case nowhere
    /// In `Pins.usualDirectory` where that can be.
    case usual
    case directory(String)
}

/// What the kernel keeps for the next receiver of the same name: files of a BPF file system.
///
///     /sys/fs/bpf/dpvs-realip/web/1/flows_in             a map; 1 is the version of the layouts
///     /sys/fs/bpf/dpvs-realip/web/1/realip_peer4-4711    a link to the control group with that number
package struct Pins: Equatable, Sendable {
    package static let usualDirectory = "/sys/fs/bpf/dpvs-realip"

    /// Maps whose entries are worth something to the next receiver.
    ///
    /// Whom to believe is not among them: the next one reads that anew.
    static let maps = [
        "clients", "multipath_clients", "flows_in", "flows_out", "last_flows", "counters",
    ]

    /// Everything of one receiver.
    package let directory: String

    private init(_ name: String, in directory: String) {
        // The file system does not take dots, and names do not take '+'.
        self.directory = "\(directory)/\(name.replacing(".", with: "+"))"
    }

    /// What a receiver called `name` has at `place`; nil when nothing can be kept there and nobody demands it.
    package init?(_ name: String, at place: PinPlace) throws(ReceiverError) {
        switch place {
        case .nowhere: return nil
        case .usual:
            guard Self.canBeMade(in: Self.usualDirectory) else { return nil }
            self.init(name, in: Self.usualDirectory)
        case .directory(let path):
            guard Self.canBeMade(in: path) else { throw .noPins(path) }
            self.init(name, in: path)
        }
    }

    /// Whether the lowest directory of `path` that is there is in a BPF file system.
    static func canBeMade(in path: String) -> Bool {
        var path = path
        while !Files.isDirectory(path) {
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
                return false
            }
            path = String(path[..<slash])
        }
        return KernelFileSystem.bpf.contains(path)
    }

    private var current: String { "\(directory)/\(CRealIP_layout)" }

    func path(ofMap map: String) -> String { "\(current)/\(map)" }

    func path(ofLink program: String, toGroup inode: UInt64) -> String {
        "\(current)/\(program)-\(inode)"
    }

    /// Makes the directory, which only root may enter.
    func prepare() throws(ReceiverError) {
        do {
            try Files.makePrivateDirectory(current)
        } catch {
            throw .pins(error)
        }
    }

    /// Takes everything away that is neither a map of this version nor in `links`: other control groups', and what
    /// a receiver of another version has left.
    func remove(exceptMapsAnd links: Set<String>) {
        for version in (try? Files.list(directory)) ?? [] {
            let place = "\(directory)/\(version)"
            for file in (try? Files.list(place)) ?? [] {
                let path = "\(place)/\(file)"
                if place == current, Self.maps.contains(file) || links.contains(path) { continue }
                Files.remove(path)
            }
            Files.removeDirectory(place)
        }
    }

    /// Whether a receiver has left something.
    package var isThere: Bool { Files.isDirectory(directory) }

    /// Takes everything away.
    package func remove() {
        remove(exceptMapsAnd: [])
        for map in Self.maps { Files.remove(path(ofMap: map)) }
        Files.removeDirectory(current)
        Files.removeDirectory(directory)
    }
}
