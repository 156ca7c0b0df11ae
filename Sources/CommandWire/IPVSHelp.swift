// SPDX-License-Identifier: Apache-2.0

/// What `ipvsadm --help` and `--version` print, whether a daemon runs or not.
package enum IPVSHelp {
    /// As scripts look for it: the version of the program that this one takes the place of.
    package static let version = "ipvsadm v1.27 2008/5/15 (dpvs)\n"

    package static let hint = "Try `ipvsadm -h' or 'ipvsadm --help' for more information."

    package static let text = """
        ipvsadm v1.27 2008/5/15 (dpvs)
        Usage:
          ipvsadm -A|E SERVICE [-s SCHEDULER] [-b FLAGS] [-p [SECONDS]] [-M NETMASK] [--ops]
                       [--hash-target sip|qid] [--quic] [--expire-quiescent] [--dest-check CHECK]
                       [--conn-timeout SECONDS] [--proxy-protocol disable|v1|v2|v1-insecure|v2-insecure]
          ipvsadm -D SERVICE
          ipvsadm -C
          ipvsadm -R
          ipvsadm -S [-n]
          ipvsadm -a|e SERVICE -r SERVER[:PORT] [-g|i|m|b|J] [-w WEIGHT] [-x UPPER] [-y LOWER]
                       [--tun-type ipip|gre|gue|fou] [--tun-port PORT] [--tun-csum]
          ipvsadm -d SERVICE -r SERVER[:PORT]
          ipvsadm -P|Q SERVICE -z ADDRESS [-F INTERFACE]
          ipvsadm -G [SERVICE]
          ipvsadm -L|l -c [SERVICE] [-n] [--sockpair PROTOCOL:CLIENT:PORT:ADDRESS:PORT]
          ipvsadm -L|l [SERVICE] [-n] [--stats|--rate|--thresholds|--persistent-conn|--timeout]
                       [--exact] [--sort|--nosort]
          ipvsadm -Z [SERVICE]
          ipvsadm -B|W
          ipvsadm -h|v

        SERVICE is one of -t HOST:PORT (TCP), -u HOST:PORT (UDP), --sctp-service HOST:PORT, -q HOST
        (ICMP), -1 HOST (ICMPv6), -f MARK, and -H MATCH for source NAT, such as
        proto=tcp,src-range=10.1.0.0-10.1.255.254,oif=dpdk1. HOST of IPv6 stands in brackets.

        Without -s a service has the scheduler wlc; without a way a server has -g (direct routing), -b is
        FullNAT; without -w its weight is 1; -p is 360 seconds. The first server of a service decides the
        way of all. -E and -e keep what they do not name. -R is one transaction. -U, -V, -O and -Y (lists
        of clients) and -j enable (SYN proxy) are refused: there is nothing like it yet.
        --set, --start-daemon and --stop-daemon succeed and have no effect.

        With all of them: --json; and --instance NAME or --socket PATH, else $DPVS_IPC_FILE (a socket), else
        $DPVS_INSTANCE, else the instance called default.

        """

    /// What a command line asks for that needs no daemon; nil: something else.
    package static func answer(_ words: [String]) -> String? {
        switch words.first {
        case "-h", "--help": text
        case "-v", "--version": version
        default: nil
        }
    }
}
