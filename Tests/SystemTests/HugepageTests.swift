// SPDX-License-Identifier: Apache-2.0
import Control
import Foundation
import Testing

extension SystemTests {
    @Suite struct HugepageTests {
        private static let knob = "/proc/sys/vm/nr_hugepages"
        /// Of 2 MiB: more than what a small balancer needs.
        private static let pages = 128

        private static func reserved() -> Int {
            let text = (try? String(contentsOfFile: knob, encoding: .utf8)) ?? ""
            return Int(text.prefix(while: \.isNumber)) ?? 0
        }

        private static func reserve(_ count: Int) {
            try? "\(count)\n".write(toFile: knob, atomically: false, encoding: .utf8)
        }

        /// Whether the kernel gives that many; what was reserved before is again afterwards.
        static let isPossible: Bool = {
            let before = reserved()
            defer { reserve(before) }
            reserve(before + pages)
            return reserved() == before + pages
        }()

        private static var setup: Setup {
            var setup = Setup()
            setup.global[1] = "hugepages auto"
            return setup
        }

        @Test(.enabled(if: isPossible, "the kernel reserves no 128 hugepages of 2 MiB"))
        func `hugepages are used when enough are free, and given back`() async throws {
            let before = Self.reserved()
            Self.reserve(before + Self.pages)
            defer { Self.reserve(before) }
            let free = Self.free()
            try await Lab.run { lab in
                let ending = try await lab.balance(Self.setup) { dpvs in
                    let memory = try await dpvs.status().memory
                    #expect(memory.contains("free hugepages: "), "\(memory)")
                    #expect(!memory.contains("--no-huge"))
                    #expect(dpvs.log.contains(memory))
                    #expect(Self.free() < free)
                    #expect(try await lab.backends(answering: 2).count == 2)
                }
                #expect(ending.status == 0)
                #expect(Self.free() == free)
            }
        }

        @Test func `without hugepages plain memory serves, and the log says so`() async throws {
            try await Lab.balance { lab, dpvs in
                let memory = try await dpvs.status().memory
                #expect(memory.hasPrefix("hugepages are off; packets use "), "\(memory)")
                #expect(memory.hasSuffix("of plain memory (--no-huge)"))
                #expect(dpvs.log.contains(memory))
            }
        }

        private static func free() -> Int {
            let facts = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
            let line = facts.split(separator: "\n").first { $0.hasPrefix("HugePages_Free:") }
            return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
        }
    }
}
