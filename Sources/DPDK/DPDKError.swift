// SPDX-License-Identifier: Apache-2.0
import CDPDK

/// A call of DPDK that failed, and why.
public struct DPDKError: Error, Sendable, CustomStringConvertible {
    /// The function that failed.
    public var call: String
    /// A positive errno value.
    public var code: Int32
    /// What was being attempted: a device, a pool.
    public var subject: String

    public init(_ call: String, _ code: Int32, on subject: String = "") {
        self.call = call
        self.code = abs(code)
        self.subject = subject
    }

    public var description: String {
        let reason = unsafe String(cString: CDPDK_error_text(code))
        let place = subject.isEmpty ? "" : " (\(subject))"
        return "\(call)\(place) failed: \(reason) [\(code)]"
    }
}

/// The result of a call, or its error.
@discardableResult
func check(
    _ result: Int32,
    _ call: String,
    on subject: String = ""
) throws(DPDKError) -> Int32 {
    guard result >= 0 else { throw DPDKError(call, result, on: subject) }
    return result
}
