// SPDX-License-Identifier: Apache-2.0
package import Addressing
import Control
import Linux
import NIOCore

/// What the sources say about whom to believe; each keeps what it said last while it cannot be read.
package struct BeliefReader: Sendable {
    private let sources: BeliefSources
    private var fromFile: Set<IPPrefix> = []
    private var fromBalancer: Set<IPPrefix> = []
    /// The version of the file that was read.
    private var version: Files.Identity?
    private var fileProblem: String?
    private var balancerProblem: String?
    private var otherProblem: String?

    package init(_ sources: BeliefSources) {
        self.sources = sources
    }

    package var believed: Set<IPPrefix> {
        Set(sources.listed).union(fromFile).union(fromBalancer)
    }

    package var problems: [String] {
        [fileProblem, balancerProblem, otherProblem].compactMap(\.self)
    }

    package mutating func note(_ problem: String) { otherProblem = problem }

    /// Reads the file for the first time; throws when it is not there or wrong.
    package mutating func begin() throws(ReceiverError) {
        guard let path = sources.file else { return }
        do {
            version = Files.identity(of: path)
            fromFile = Set(try BeliefFile.read(path))
        } catch {
            throw .belief(error)
        }
    }

    /// Reads the file again when it is another one than before.
    ///
    /// A ConfigMap's link counts as what it leads to.
    package mutating func readFile() {
        guard let path = sources.file else { return }
        let now = Files.identity(of: path)
        guard now != version || now == nil else { return }
        do {
            fromFile = Set(try BeliefFile.read(path))
            version = now
            fileProblem = nil
            otherProblem = nil
        } catch {
            // A file that is wrong is not read again until it is changed.
            version = now
            fileProblem = "\(error); what it said before goes on"
        }
    }

    /// The part of the running state that matters here, whatever else a version has.
    private struct Running: Decodable {
        struct Service: Decodable { var localAddresses: [String]? }
        var services: [Service]
    }

    /// Asks the balancer for the local addresses of its services.
    package mutating func askBalancer() async {
        guard let socket = sources.balancer else { return }
        let client = ControlClient(socket: socket, timeout: .seconds(5))
        do throws(ControlError) {
            let running = try await client.get("/v1/config/running", as: Running.self)
            let addresses = running.services.flatMap { $0.localAddresses ?? [] }
            fromBalancer = Set(addresses.compactMap { IPPrefix($0) })
            balancerProblem = nil
        } catch {
            balancerProblem = "\(error); what it said before goes on"
        }
    }
}
