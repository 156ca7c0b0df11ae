// SPDX-License-Identifier: Apache-2.0
package import Model

/// What command lines look at and change: the services of the instance that carries them out.
package protocol ServiceDesk: Sendable {
    /// Services as they run and what they have counted; those that fit the filter.
    func readings(of services: ServiceFilter) async -> ServiceReadings
    /// Lets what `readings` shows of services that fit begin at 0; false: none fits.
    func zero(_ services: ServiceFilter) async -> Bool
    /// Applies what `change` makes of services and addresses as one transaction; what it throws is
    /// thrown, and nothing is done. The report is nil when nothing was changed.
    func edit<Outcome: Sendable>(
        _ change: @Sendable @escaping (inout ServiceDraft) throws -> Outcome
    ) async throws -> (Outcome, ReloadReport?)
    /// Connections that fit, page by page as they are asked for; each is of its own moment.
    func connections(_ query: ConnectionQuery) async throws -> ConnectionPages
}
