// SPDX-License-Identifier: Apache-2.0
import DPDK
import Dataplane

/// Runs worker loops on DPDK's lcores.
enum Lcore {
    /// Starts `loop` on an idle lcore; the caller keeps the loop until the lcore has returned.
    static func run(_ loop: WorkerLoop<DPDKPort>, on lcore: Int) throws(DPDKError) {
        let context = unsafe Unmanaged.passUnretained(loop).toOpaque()
        try unsafe Environment.launch(
            lcore: lcore,
            { context in
                guard let context = unsafe context else { return -1 }
                unsafe Unmanaged<WorkerLoop<DPDKPort>>.fromOpaque(context)
                    .takeUnretainedValue().run()
                return 0
            },
            context
        )
    }
}
