// SPDX-License-Identifier: Apache-2.0

/// Builds the tree from events: anchors, aliases and merge keys are settled here.
struct YAMLComposer {
    private let limits: YAMLLimits
    private var events: [YAMLEvent] = []
    private var position = 0
    private var anchors: [String: (node: YAMLNode, size: Int)] = [:]
    private var nodeCount = 0

    init(limits: YAMLLimits) {
        self.limits = limits
    }

    mutating func compose(_ events: [YAMLEvent]) throws(YAMLError) -> YAMLNode? {
        self.events = events
        guard case .beginDocument = events.first?.kind else { return nil }
        position = 1
        guard position < events.count else { return nil }
        let (root, _) = try node(depth: 0)
        if position < events.count {
            throw YAMLError("a file holds one document", at: events[position].place)
        }
        return root.isNull ? nil : root
    }

    /// The next node, and how many nodes it is with all below.
    private mutating func node(depth: Int) throws(YAMLError) -> (YAMLNode, Int) {
        guard position < events.count else {
            throw YAMLError("the document ends early", at: .init(line: 1, column: 1))
        }
        let event = events[position]
        position += 1
        guard depth < limits.depth else { throw YAMLError("nested too deep", at: event.place) }
        try count(1, event.place)
        let result: (node: YAMLNode, size: Int)
        switch event.kind {
        case .scalar(let text, let isPlain, let tag):
            let isText = tag == "tag:yaml.org,2002:str"
            result = (
                YAMLNode(content: .scalar(text, isPlain: isPlain && !isText), place: event.place), 1
            )
        case .beginSequence: result = try sequence(event, depth)
        case .beginMapping: result = try mapping(event, depth)
        case .alias: return try alias(event)
        case .end, .beginDocument: throw YAMLError("an end without a beginning", at: event.place)
        }
        if let anchor = event.anchor { anchors[anchor] = result }
        return result
    }

    private mutating func count(_ nodes: Int, _ place: YAMLNode.Place) throws(YAMLError) {
        nodeCount += nodes
        guard nodeCount <= limits.nodes else {
            throw YAMLError("aliases make this document too large", at: place)
        }
    }

    private var isAtEnd: Bool {
        guard position < events.count, case .end = events[position].kind else { return false }
        return true
    }

    private mutating func sequence(
        _ event: YAMLEvent,
        _ depth: Int
    ) throws(YAMLError) -> (YAMLNode, Int) {
        var items: [YAMLNode] = []
        var size = 1
        while !isAtEnd {
            let (item, count) = try node(depth: depth + 1)
            items.append(item)
            size += count
        }
        position += 1
        return (YAMLNode(content: .sequence(items), place: event.place), size)
    }

    private mutating func mapping(
        _ event: YAMLEvent,
        _ depth: Int
    ) throws(YAMLError) -> (YAMLNode, Int) {
        var pairs: [(key: YAMLNode, value: YAMLNode)] = []
        var merged: [(key: YAMLNode, value: YAMLNode)] = []
        var seen: Set<String> = []
        var size = 1
        while !isAtEnd {
            let (key, keySize) = try node(depth: depth + 1)
            let (value, valueSize) = try node(depth: depth + 1)
            size += keySize + valueSize
            guard let name = key.text else {
                throw YAMLError("a key is a plain word", at: key.place)
            }
            if name == "<<", case .scalar(_, isPlain: true) = key.content {
                merged += try mergeSources(value)
            } else {
                guard seen.insert(name).inserted else {
                    throw YAMLError("the key '\(name)' is there twice", at: key.place)
                }
                pairs.append((key, value))
            }
        }
        position += 1
        for (key, value) in merged where seen.insert(key.text ?? "").inserted {
            pairs.append((key, value))
        }
        return (YAMLNode(content: .mapping(pairs), place: event.place), size)
    }

    /// The pairs that `<<` brings; of several mappings the earlier counts.
    private func mergeSources(
        _ node: YAMLNode
    ) throws(YAMLError) -> [(key: YAMLNode, value: YAMLNode)] {
        switch node.content {
        case .mapping(let pairs): return pairs
        case .sequence(let items):
            var pairs: [(key: YAMLNode, value: YAMLNode)] = []
            for item in items {
                guard case .mapping(let more) = item.content else {
                    throw YAMLError("'<<' takes mappings", at: item.place)
                }
                pairs += more
            }
            return pairs
        case .scalar: throw YAMLError("'<<' takes a mapping", at: node.place)
        }
    }

    private mutating func alias(_ event: YAMLEvent) throws(YAMLError) -> (YAMLNode, Int) {
        guard let name = event.anchor, let known = anchors[name] else {
            throw YAMLError("there is no anchor '\(event.anchor ?? "")' before", at: event.place)
        }
        try count(known.size, event.place)
        return known
    }
}
