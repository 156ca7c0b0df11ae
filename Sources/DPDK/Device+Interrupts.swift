// SPDX-License-Identifier: Apache-2.0
import CDPDK

extension Device {
    /// What can be read when `queue` has frames, of a device that was started with interrupts; nil:
    /// it raises none.
    public func descriptor(ofQueue queue: Int) -> Int32? {
        let descriptor = CDPDK_queue_descriptor(port, UInt16(queue), !facts.isVirtual)
        return descriptor >= 0 ? descriptor : nil
    }
}
