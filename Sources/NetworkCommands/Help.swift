// SPDX-License-Identifier: Apache-2.0

/// What `dpip -h` and `dpip OBJECT help` print.
enum Help {
    static let usage = """
        Usage: dpip [OPTIONS] OBJECT COMMAND [ARGUMENTS]
               dpip OBJECT help
        Objects:  \(DPIPObject.allCases.map(\.rawValue).joined(separator: ", "))
        Commands: create, destroy, add, del, show (list), set (change), replace, flush, test, enable,
                  disable, help; the beginning of a word is enough
        Options, which stand anywhere:
          -v, --verbose        more of everything
          -s, --statistics     what was counted
          -i, --interval N     again every N seconds; with -s of link: what a second brought
          -c, --count N        so many times
          -C, --color          colours for rates
          -4, -6, -f, --family inet|inet6
          -F, --force          ipset: what is there, or not there, is no mistake
          -j, --json           JSON, as the control API has it
              --instance NAME  the instance (default: $DPVS_INSTANCE, or default)
              --socket PATH    its control socket (default: $DPVS_IPC_FILE)
          -h, --help, -V, --version

        """

    static func text(of object: DPIPObject) -> String {
        let lines = forms(of: object).split(separator: "\n")
            .map { line in
                // What goes on from the line before, and what explains a word, is no form of its own.
                let isForm = line.first?.isLowercase ?? false
                return isForm ? "    dpip \(object.rawValue) \(line)\n" : "        \(line)\n"
            }
        return "Usage:\n" + lines.joined()
    }

    private static func forms(of object: DPIPObject) -> String {
        switch object {
        case .link:
            """
            show [NIC] [-s [-i N [-c N]]] [-v]
            show BOND status
            show cpu|cpuN [-s [-i N]]
            set NIC promisc|allmulticast|forward2kni|tc-egress|tc-ingress|lldp on|off
            set NIC link up|down
            set NIC addr MAC
            set BOND bond-mode 0-6 | bond-primary NIC | bond-xmit-policy layer2|layer23|layer34
            set BOND bond-monitor-interval MS | bond-link-up-prop MS | bond-link-down-prop MS
            add|del BOND bond-slave NIC
            """
        case .addr:
            """
            show [dev NIC] [-s] [-v]
            add|set ADDRESS[/LENGTH] dev NIC [sapool] [scope host|link|global]
                [broadcast ADDRESS] [valid_lft forever] [preferred_lft forever]
            del ADDRESS[/LENGTH] dev NIC
            flush dev NIC
            """
        case .route:
            """
            show [dev NIC]
            add|set|del NETWORK|default [via ADDRESS] [dev NIC] [mtu N] [src ADDRESS]
                [scope host|kni_host|link|global] [local] [metric N]
            flush dev NIC
            """
        case .neigh:
            """
            show [dev NIC]
            add ADDRESS lladdr MAC dev NIC
            del ADDRESS [lladdr MAC] dev NIC
            """
        case .maddr: "show [dev NIC] [-v]"
        case .vlan:
            """
            show [NAME | link NIC [id N]]
            add [NAME] link NIC [proto 802.1q|vlan] id 1-4094
            del NAME | link NIC id N
            """
        case .tunnel:
            """
            show [NAME] [mode ipip|gre] [dev NIC]
            add|change|replace NAME mode ipip|gre [remote ADDRESS|any] [local ADDRESS|any]
                [key K | ikey K | okey K] [seq|iseq|oseq] [csum|icsum|ocsum]
                [ttl 1-255|inherit] [tos 0-255|inherit] [dev NIC]
            del NAME
            """
        case .qsch:
            """
            show dev NIC [handle H] [root|ingress|parent H] [-s] [-v]
            add|change|replace|del dev NIC [handle MAJ:[MIN]] root|ingress|parent H KIND
            KIND: pfifo|bfifo [limit N], pfifo_fast,
                  tbf rate R burst BYTES latency MS|limit BYTES [peakrate R mtu BYTES]
            """
        case .cls:
            """
            show dev NIC [handle H] [qsch H|root|ingress] [-v]
            add|change|replace|del dev NIC [handle H] [qsch H|root|ingress] [pkttype ipv4|ipv6|vlan]
                [prio N] KIND target H|drop
            KIND: match pattern 'PROTO[,from=RANGE][,to=RANGE][,iif=NIC][,oif=NIC]',
                  ipset match SET[,src|,dst]
            PROTO: tcp, udp, sctp, icmp, icmp6; RANGE: ADDRESS[-ADDRESS][:PORT[-PORT]]
            """
        case .ipv6: "show [cpu N | all | total]"
        case .iftraf: "enable|disable|show [dev NIC]"
        case .memory: "show seg|ring|zone|pool"
        case .ipset:
            """
            create SET TYPE [range R] [comment] [hashsize N] [maxelem N]
            destroy|flush SET
            add|del|test SET ENTRY [comment TEXT] [nomatch]
            show [SET] [-v]
            TYPE: \(SetCommand.Kind.allCases.map(\.rawValue).joined(separator: " "))
            """
        case .flow:
            """
            add|del type kni dev NIC ADDRESS
            show|flush type kni dev NIC
            """
        case .lldp: "show local|neigh [dev NIC]"
        }
    }
}
