// SPDX-License-Identifier: Apache-2.0
import Addressing

extension DesiredState {
    /// Every kind of object, in the order in which objects come: what others stand on first.
    package static let kinds: [any AnyObjectSchema] = [
        VLANInterface.schema, TunnelInterface.schema, InterfaceAddress.schema, Route.schema,
        Neighbour.schema, AddressSet.schema, Denial.schema, Service.schema,
    ]

    /// Those of which the kernel has some, too.
    private static let kernelKinds: [any AnyObjectSchema] = [
        InterfaceAddress.schema, Route.schema, Neighbour.schema,
    ]

    /// What leads from here to `new`; empty when the two are equal.
    ///
    /// In the order in which an operator would do it: what services stand on comes before them and
    /// goes after them. Keys must be unique in each state.
    package func changes(to new: DesiredState) -> [Change] {
        var result = settings.changes(to: new.settings)
        var going: [Change] = []
        for kind in Self.kinds {
            let changes = kind.changes(from: self, to: new)
            if kind.standsOnOthers {
                result += changes.going + changes.coming
            } else {
                result += changes.coming
                going = changes.going + going
            }
        }
        return result + going
    }

    /// Where this, which runs, is not what `files` say: settings, then each kind of object.
    ///
    /// What the kernel owns follows the kernel and has not drifted. `settingsOwner` is the file of the
    /// settings.
    package func drift(
        from files: DesiredState,
        settingsOwner: Owner = .file("dpvs.conf")
    ) -> [DriftEntry] {
        let running = withoutKernel
        let settings = files.settings.changes(to: running.settings)
        return settings.map {
            DriftEntry(
                object: "settings",
                kind: .different,
                owner: settingsOwner,
                detail: $0.description
            )
        } + Self.kinds.flatMap { $0.drift(running: running, files: files) }
    }

    // MARK: - Owners

    /// What files and commands own, and nothing that the kernel says of it.
    package var withoutKernel: DesiredState {
        var state = self
        for kind in Self.kernelKinds { kind.remove(.kernel, from: &state) }
        for index in state.addresses.indices where state.addresses[index].isInKernel != nil {
            state.addresses[index].isInKernel = nil
        }
        return state
    }

    /// The same with the objects of `kernel` that nobody else names, in place of those
    /// that the kernel had before; addresses of others say whether the kernel has them, too.
    ///
    /// nil: what the kernel has is not known.
    package func withKernel(_ kernel: DesiredState?) -> DesiredState {
        var state = withoutKernel
        guard let kernel else { return state }
        let held = Set(kernel.addresses.map(\.prefix.address))
        for index in state.addresses.indices {
            state.addresses[index].isInKernel = held.contains(state.addresses[index].prefix.address)
        }
        for kind in Self.kernelKinds { kind.keep(.kernel, of: kernel, in: &state) }
        return state
    }
}
