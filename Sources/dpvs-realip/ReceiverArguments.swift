// SPDX-License-Identifier: Apache-2.0
import Addressing
import ArgumentParser
import Control
import HummingbirdCore
import RealIP

/// What `attach` and `run` have in common.
struct ReceiverArguments: ParsableArguments {
    @Option(help: "Tells receivers on one host apart.")
    var name = "default"

    @Option(
        name: .customLong("interface"),
        help:
            "An interface by which UDP of the balancer comes in; may be given again. Without it UDP is left alone."
    )
    var interfaces: [String] = []

    @Option(
        name: .customLong("from"),
        help:
            "A local address of the balancer, or a network of them, whose packets are believed; may be given again."
    )
    var believed: [String] = []

    @Option(
        name: .customLong("from-file"),
        help: "A file with such addresses, one a line; it is followed while the receiver runs."
    )
    var file: String?

    @Option(
        name: .customLong("from-balancer"),
        help:
            "The control socket of a dpvs on this host, which is asked for its local addresses every five seconds."
    )
    var balancer: String?

    @Option(
        help:
            "rewrite: recvfrom and its kin tell the client. api: only getsockopt does, as with uoa.ko."
    )
    var udp = ReceiverOptions.Datagrams.rewrite

    @Option(help: "UDP flows that are known at a time.")
    var flows = 32768

    @Option(
        help:
            "Seconds after which an unused UDP flow is forgotten: not less than the balancer's own timeout."
    )
    var idle = 360

    @Option(
        name: .customLong("metrics"),
        help: "ADDRESS:PORT where Prometheus may ask for /metrics."
    )
    var metricsAddress: String?

    func validate() throws {
        guard ReceiverPlace.isName(name) else {
            throw ValidationError("'\(name)' is no name: letters, digits, '-', '_' and '.'")
        }
        if let wrong = believed.first(where: { IPPrefix($0) == nil }) {
            throw ValidationError("--from \(wrong): neither an address nor a network")
        }
        guard (1...(1 << 22)).contains(flows) else {
            throw ValidationError("--flows takes 1 to \(1 << 22)")
        }
        guard (1...86400).contains(idle) else { throw ValidationError("--idle takes 1 to 86400") }
        if let metricsAddress, Endpoint(metricsAddress) == nil {
            throw ValidationError("--metrics \(metricsAddress): ADDRESS:PORT is needed")
        }
        if believed.isEmpty, file == nil, balancer == nil {
            throw ValidationError(
                "whom to believe is needed: --from, --from-file or --from-balancer"
            )
        }
    }

    func options(groups: [String]) -> ReceiverOptions {
        var options = ReceiverOptions(groups: groups)
        options.interfaces = interfaces
        options.datagrams = udp
        options.flows = flows
        options.idle = .seconds(idle)
        options.beliefs.listed = believed.compactMap { IPPrefix($0)?.network }
        options.beliefs.file = file
        options.beliefs.balancer = balancer
        return options
    }

    var metrics: BindAddress? {
        metricsAddress.flatMap { Endpoint($0) }
            .map { .hostname($0.address.description, port: Int($0.port)) }
    }
}

extension ReceiverOptions.Datagrams: ExpressibleByArgument {}
