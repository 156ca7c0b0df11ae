// SPDX-License-Identifier: Apache-2.0
import Addressing

/// Sets of addresses, and lists that name them.
extension StateChecker {
    mutating func checkSets() {
        checkUnique(sets, "name") { $0.name }
        var count = 0
        for set in sets {
            count += set.value.entries.count
            if !AddressSet.isName(set.value.name) {
                report(
                    set.location(of: "name"),
                    set.path + ".name",
                    "cannot be the name of a set",
                    set.value.name,
                    AddressSet.namingRule
                )
            }
        }
        guard count > AddressSet.mostEntries, let last = sets.last else { return }
        let most = "at most \(AddressSet.mostEntries) in all sets together"
        report(last.location, last.path + ".entries", "are too many", "\(count)", most)
    }

    mutating func check(_ object: Located<Denial>) {
        checkSource(object.value.source, object.location, object.path)
        guard let range = object.value.source.range else { return }
        for service in objects.services {
            let backend = service.value.backends.first { range.contains($0.endpoint.address) }
            guard let backend else { continue }
            warn(
                object.location,
                object.path,
                "holds \(backend.endpoint.address), a backend of \(service.value.name): what it "
                    + "answers is dropped",
                "\(range)",
                "addresses of clients; deny of the service concerns its clients alone"
            )
            return
        }
    }

    mutating func checkAccess(of object: Located<Service>) {
        let access = object.value.access
        guard !access.isEmpty else { return }
        for (field, sources) in [("allow", access.allow), ("deny", access.deny)] {
            let place = object.location(of: field)
            let path = "\(object.path).\(field)"
            var seen: Set<AddressSource> = []
            for source in sources {
                if !seen.insert(source).inserted {
                    report(place, path, "is there twice", "\(source)")
                }
                checkSource(source, place, path)
            }
            let families = Set(sources.compactMap(\.range?.family))
            let names = sources.compactMap(\.setName)
            let family = object.value.key.family
            if case .mark = object.value.key.selector { continue }
            if names.isEmpty, !families.isEmpty, !families.contains(family) {
                let name = family == .ipv4 ? "IPv4" : "IPv6"
                warn(place, path, "has no address of \(name), and clients are \(name)")
            }
            let most = AccessLists.mostSets - (families.isEmpty ? 0 : 1)
            if names.count > most {
                let accepted = "at most \(AccessLists.mostSets); addresses in the list count as one"
                report(place, path, "names too many sets", "\(names.count)", accepted)
            }
        }
    }

    private mutating func checkSource(
        _ source: AddressSource,
        _ place: TextLocation,
        _ path: String
    ) {
        guard let name = source.setName, !isIncomplete, !setNames.contains(name) else { return }
        let names = sets.map(\.value.name)
        report(
            place,
            path,
            "is no set and no address",
            name,
            names.isEmpty
                ? "an address, a network, a range, or the name of a set"
                : names.joined(separator: ", "),
            nearest(to: name, in: names)
        )
    }
}
