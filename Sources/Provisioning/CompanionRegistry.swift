// SPDX-License-Identifier: Apache-2.0
package import Model
package import Networking

/// What the kernel's side of an interface is to be.
package struct CompanionRequest: Equatable, Sendable {
    package var interface: InterfaceID
    /// What the configuration calls it.
    package var interfaceName: String
    /// Index of the port that carries it.
    package var port: Int
    /// Of the kernel's interface.
    package var name: String
    /// Whether somebody chose the name.
    package var isNameGiven: Bool
    package var type: CompanionType
    package var mtu: Int
    /// What passes are IP packets: there is no link layer.
    package var isTunnel: Bool

    package init(
        interface: InterfaceID,
        interfaceName: String,
        port: Int,
        name: String,
        isNameGiven: Bool,
        type: CompanionType,
        mtu: Int,
        isTunnel: Bool = false
    ) {
        self.interface = interface
        self.interfaceName = interfaceName
        self.port = port
        self.name = name
        self.isNameGiven = isNameGiven
        self.type = type
        self.mtu = mtu
        self.isTunnel = isTunnel
    }
}

/// Who makes the kernel's sides of interfaces that come and go with the configuration.
///
/// A configuration goes through `prepare` and `show`, or through `prepare` and `cancel`; then
/// `finish`, when no worker uses the configuration before. Called by one thread at a time.
package protocol CompanionRegistry: Sendable {
    /// Gets what `requests` ask for, beside those that are used now; returns the interfaces that will
    /// have one.
    ///
    /// Throws, and has changed nothing, when one that must be there cannot be had.
    func prepare(_ requests: [CompanionRequest]) throws(ProvisioningError) -> Set<InterfaceID>

    /// Forgets what `prepare` got.
    func cancel()

    /// Lets packets pass through what `prepare` got.
    func show()

    /// Ends those that nobody has asked for any more.
    func finish()
}
