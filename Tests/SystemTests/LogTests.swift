// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Model
import Testing

extension SystemTests {
    /// Where the log goes to is no concern of the packets, nor of the control side.
    @Suite struct LogTests {
        /// Services enough that a reload has much to say.
        private func services(_ count: Int) -> ServiceFile {
            var file = ServiceFile()
            file.services = (0..<count)
                .map { number in
                    var service = ServiceFile.Service()
                    service.name = "web\(number)"
                    service.address = "10.0.0.\(100 + number)"
                    return service
                }
            return file
        }

        /// What the shell makes of standard error, and of a directory of its own.
        enum Trouble: String, CaseIterable, Sendable {
            case fullDevice = #"exec "$@" 2>/dev/full"#
            case closed = #"exec "$@" 2>&-"#
            /// Opened for both, so that the pipe fills and no writer ever gets an error.
            case nobodyReads = #"mkfifo "$0" && exec "$@" 2<>"$0""#
            case readerIsGone =
                #"mkfifo "$0" && { sleep 0 < "$0" & } && exec 3>"$0" && wait && exec "$@" 2>&3 3>&-"#
            case fileIsTooLarge = #"ulimit -f 4 && exec "$@" 2>"$0""#
        }

        @Test(arguments: Trouble.allCases)
        func `nothing stops when the log takes nothing`(trouble: Trouble) async throws {
            try await Lab.run { lab in
                var setup = Setup()
                setup.global.append("log_level DEBUG")
                setup.launcher = ["sh", "-c", trouble.rawValue, "\(lab.directory)/log"]
                let ending = try await lab.balance(setup) { dpvs in
                    for count in [1, 20, 40, 60, 80, 100, 120, 1] {
                        #expect(try await dpvs.apply(services(count)).outcome == .applied)
                    }
                    let ready = try await dpvs.command("probe", "ready")
                    #expect(ready.status == 0)
                    #expect(try await lab.backends(answering: 2).count == 2)
                    #expect(try await dpvs.scrape().sum("dpvs_log_lost_lines_total") >= 0)
                }
                #expect(ending.status == 0)
            }
        }

        @Test func `a disk that has room again gets the lines that waited`() async throws {
            try await Lab.run { lab in
                let disk = "\(lab.directory)/disk"
                try FileManager.default
                    .createDirectory(atPath: disk, withIntermediateDirectories: false)
                try await Program.demand(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk])
                var setup = Setup()
                setup.launcher = ["sh", "-c", #"exec "$@" 2>>"$0""#, "\(disk)/log"]
                do {
                    try await lab.balance(setup) { dpvs in
                        _ = try await Program.run([
                            "dd", "if=/dev/zero", "of=\(disk)/fill", "bs=1k", "count=200",
                        ])
                        #expect(try await dpvs.apply(services(7)).outcome == .applied)
                        try FileManager.default.removeItem(atPath: "\(disk)/fill")
                        try await eventually("the lines are there", within: .seconds(10)) {
                            let text = try String(contentsOfFile: "\(disk)/log", encoding: .utf8)
                            return text.contains("configuration applied (file): generation 2")
                        }
                    }
                } catch {
                    _ = try await Program.run(["umount", "-l", disk])
                    throw error
                }
                try await Program.demand(["umount", disk])
            }
        }

        @Test func `a start that is held up ends, and says by whom`() async throws {
            try await Lab.run { lab in
                let lock = "/run/dpvs/claims/.lock"
                // Makes the directories.
                try await lab.balance { _ in }
                #expect(try mode(lock) == 0o600 && mode("/run/dpvs/claims") == 0o700)
                try await lab.serve(["flock", "--no-fork", lock, "sleep", "60"], in: .client) {
                    try await eventually("the lock is held") {
                        try await Program.run(["flock", "-n", lock, "true"]).status != 0
                    }
                    let outcome = try await lab.refuse(Setup())
                    #expect(outcome.status == 1)
                    let said = "\(lock): process "
                    #expect(outcome.errors.contains(said), "\(outcome.errors)")
                    #expect(outcome.errors.contains("has kept this lock for 2 s"))
                }
            }
        }

        private func mode(_ path: String) throws -> Int? {
            let facts = try FileManager.default.attributesOfItem(atPath: path)
            return facts[.posixPermissions] as? Int
        }

        @Test func `a socket that was removed is made again`() async throws {
            try await Lab.balance { _, dpvs in
                try FileManager.default.removeItem(atPath: dpvs.client.socket)
                try await eventually("the socket is there again") {
                    try await dpvs.command("probe", "ready").status == 0
                }
                #expect(try mode(dpvs.client.socket) == 0o600)
                #expect(dpvs.log.contains("was removed, and is there again"))
            }
        }

        @Test func `a change that no descriptor is left to read is read a moment later`()
            async throws
        {
            try await Lab.balance { _, dpvs in
                let open = try FileManager.default
                    .contentsOfDirectory(atPath: "/proc/\(dpvs.pid)/fd").count
                func limit(_ number: String) async throws {
                    let words = ["prlimit", "--pid", "\(dpvs.pid)", "--nofile=\(number):"]
                    try await Program.demand(words)
                }
                // Descriptors are counted from the lowest: this leaves none.
                try await limit("\(open / 2)")
                try dpvs.save(services(3).yaml)
                try await eventually("the files cannot be read", within: .seconds(10)) {
                    dpvs.log.contains("Too many open files")
                }
                try await limit("1024")
                try await eventually("the change is applied", within: .seconds(20)) {
                    try await dpvs.status().services.count == 3
                }
            }
        }

        @Test func `too few descriptors are said, and nothing is started`() async throws {
            try await Lab.run { lab in
                var setup = Setup()
                setup.launcher = ["sh", "-c", #"ulimit -n 40 && exec "$@""#, "sh"]
                let outcome = try await lab.refuse(setup)
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("40 open files are too few"), "\(outcome.errors)")
            }
        }
    }
}
