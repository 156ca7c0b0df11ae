// SPDX-License-Identifier: Apache-2.0
import Linux
import Logging
import Model
import Provisioning

/// What the process before has left, from reading its file to saying what became of it.
struct Inheritance {
    private let file: HandoverFile
    /// Nil when nothing was left, or nothing that serves.
    let handover: Handover?

    init(_ instance: String, _ settings: Settings, _ logger: Logger) {
        file = HandoverFile(instance: instance, settings)
        do {
            handover = try file.read(bootID: Host.bootID)
        } catch {
            handover = nil
            logger.warning("\(file.path) is not used, and connections are lost: \(error)")
        }
    }

    /// The first configuration, of `digest`, is in use: nobody needs the file any more.
    func finish(_ result: HandoverResult?, _ digest: String, _ logger: Logger) {
        guard let handover, let result else { return }
        file.remove()
        let gap = (Host.monotonicNanoseconds &- handover.head.savedAt) / 1_000_000
        logger.notice(
            """
            warm restart: \(result.adopted) connections go on, \(result.expired) had expired, \
            \(result.refused) found no place; traffic stood still for \(gap) ms
            """
        )
        if handover.head.digest != digest {
            logger.notice("warm restart: the configuration is another than before")
        }
    }
}
