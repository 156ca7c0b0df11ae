// SPDX-License-Identifier: Apache-2.0
import Balancing
import Model
import Timing

extension Provisioner {
    /// `ipvs_defs/tcp/timeout` and `ipvs_defs/udp/timeout` in ticks.
    func stateTimeouts(of settings: Settings) -> StateTimeouts {
        StateTimeouts { state in
            Tick.count(covering: Self.timeout(of: state, settings))
        }
    }

    func options(of settings: Settings, isStopping: Bool) -> BalancingState.Options {
        var options: BalancingState.Options = []
        if isStopping { options.insert(.stopping) }
        return options
    }

    func ticks(covering duration: Duration) -> UInt32 { Tick.count(covering: duration) }

    private static func timeout(of state: ConnectionState, _ settings: Settings) -> Duration {
        switch state {
        case .none: .seconds(2)
        case .established: .seconds(90)
        case .synSent: .seconds(3)
        case .synReceived: .seconds(30)
        case .finWait: .seconds(7)
        case .timeWait: .seconds(7)
        case .close: .seconds(3)
        case .closeWait: .seconds(7)
        case .lastAck: .seconds(7)
        case .listen: .seconds(120)
        case .synAck: .seconds(30)
        case .oneWay, .twoWay: .seconds(300)
        }
    }
}
