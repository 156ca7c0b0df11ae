// SPDX-License-Identifier: Apache-2.0
import CRealIP
import Testing

@testable import BPF
@testable import RealIP

@Suite struct LoadingTests {
    @Test func `the object has the programs that Swift knows, and no others`() throws {
        let known = Set(ReceiverFunction.allCases.flatMap(\.programs))
        #expect(try Set(ReceiverPrograms.open().programs) == known)
    }

    @Test func `both sides have the same layouts`() {
        // Sizes are checked by the C compiler of either side; offsets are the same then, for there are no holes.
        #expect(MemoryLayout<CRealIP_prefix>.size == 20)
        #expect(MemoryLayout<CRealIP_endpoint>.size == 20)
        #expect(MemoryLayout<CRealIP_flow_key>.size == 40)
        #expect(MemoryLayout<CRealIP_flow>.size == 48)
        #expect(MemoryLayout<CRealIP_settings>.size == 32)
        #expect(Counter.allCases.count == Int(CRealIP_counter_count.rawValue))
        let indices = Counter.allCases.map { Int($0.index) }
        #expect(indices == Array(0..<indices.count))
    }

    @Test(.needsEBPF) func `every program is taken by the kernel alone`() throws {
        for probe in KernelReport.probe(Set(try ReceiverPrograms.open().programs)) {
            #expect(probe.failure == nil, "\(probe.program): \(probe.failure ?? "")")
        }
    }

    @Test(.needsEBPF) func `what is loaded follows the options`() throws {
        var options = ReceiverOptions(groups: [])
        let tcp = try LoadedPrograms(options)
        #expect(throws: BPFError.self) { try tcp.object.descriptor(of: "realip_ingress") }
        options.interfaces = ["eth0"]
        options.datagrams = .api
        let api = try LoadedPrograms(options)
        #expect(try api.object.descriptor(of: "realip_ingress") >= 0)
        #expect(throws: BPFError.self) { try api.object.descriptor(of: "realip_send4") }
    }

    @Test func `an octet too few is an error with libbpf's own words`() {
        let octets: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]
        #expect {
            try unsafe octets.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress else { return }
                _ = try unsafe BPFObject(start, count: bytes.count)
            }
        } throws: { error in
            (error as? BPFError)?.call == "bpf_object__open_mem"
        }
    }

    @Test func `the verifier's objection is the line that says why`() {
        let error = BPFError(
            "bpf_object__load",
            22,
            log: [
                "libbpf: prog 'realip_question': -- BEGIN PROG LOAD LOG --",
                "0: R1=ctx() R10=fp0",
                "program of this type cannot use helper bpf_get_current_task_btf#158",
                "processed 123 insns (limit 1000000) max_states_per_insn 0 total_states 5",
                "-- END PROG LOAD LOG --", "libbpf: failed to load object",
            ]
        )
        #expect(
            error.description
                == "Invalid argument (bpf_object__load): program of this type cannot use helper "
                + "bpf_get_current_task_btf#158"
        )
    }
}
