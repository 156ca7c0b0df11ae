// SPDX-License-Identifier: Apache-2.0

/// Builds the tree from events: anchors, aliases and merge keys are settled here.
struct YAMLComposer {
    private let limits: YAMLLimits
    private var events: [YAMLEvent] = []
    private var position = 0
    private var anchors: [String: Subtree] = [:]
    private var nodeCount = 0

    /// A node and what it amounts to with all below, itself included.
    private struct Subtree {
        var node: YAMLNode
        var size = 1
        var height = 1

        init(_ content: YAMLNode.Content, at place: YAMLNode.Place) {
            node = YAMLNode(content: content, place: place)
        }

        /// Takes the measures of `child` into account.
        mutating func hold(_ child: Subtree) {
            size += child.size
            height = max(height, child.height + 1)
        }
    }

    init(limits: YAMLLimits) {
        self.limits = limits
    }

    mutating func compose(_ events: [YAMLEvent]) throws(YAMLError) -> YAMLNode? {
        self.events = events
        guard case .beginDocument = events.first?.kind else { return nil }
        position = 1
        guard position < events.count else { return nil }
        let root = try subtree(depth: 0).node
        if position < events.count {
            throw YAMLError("a file holds one document", at: events[position].place)
        }
        return root.isNull ? nil : root
    }

    private mutating func subtree(depth: Int) throws(YAMLError) -> Subtree {
        guard position < events.count else {
            throw YAMLError("the document ends early", at: .init(line: 1, column: 1))
        }
        let event = events[position]
        position += 1
        try check(depth: depth + 1, event.place)
        try count(1, event.place)
        let result: Subtree
        switch event.kind {
        case .scalar(let text, let isPlain, let tag):
            let isText = tag == "tag:yaml.org,2002:str"
            result = Subtree(.scalar(text, isPlain: isPlain && !isText), at: event.place)
        case .beginSequence: result = try sequence(event, depth)
        case .beginMapping: result = try mapping(event, depth)
        case .alias: return try alias(event, depth)
        case .end, .beginDocument: throw YAMLError("an end without a beginning", at: event.place)
        }
        if let anchor = event.anchor { anchors[anchor] = result }
        return result
    }

    private func check(depth: Int, _ place: YAMLNode.Place) throws(YAMLError) {
        guard depth <= limits.depth else { throw YAMLError("nested too deep", at: place) }
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
    ) throws(YAMLError) -> Subtree {
        var result = Subtree(.sequence([]), at: event.place)
        var items: [YAMLNode] = []
        while !isAtEnd {
            let item = try subtree(depth: depth + 1)
            items.append(item.node)
            result.hold(item)
        }
        position += 1
        result.node.content = .sequence(items)
        return result
    }

    private mutating func mapping(
        _ event: YAMLEvent,
        _ depth: Int
    ) throws(YAMLError) -> Subtree {
        var result = Subtree(.mapping([]), at: event.place)
        var pairs: [(key: YAMLNode, value: YAMLNode)] = []
        var merged: [(key: YAMLNode, value: YAMLNode)] = []
        var seen: Set<String> = []
        while !isAtEnd {
            let key = try subtree(depth: depth + 1)
            let value = try subtree(depth: depth + 1)
            result.hold(key)
            result.hold(value)
            guard let name = key.node.text else {
                throw YAMLError("a key is a plain word", at: key.node.place)
            }
            if name == "<<", case .scalar(_, isPlain: true) = key.node.content {
                merged += try mergeSources(value.node)
            } else {
                guard seen.insert(name).inserted else {
                    throw YAMLError("the key '\(name)' is there twice", at: key.node.place)
                }
                pairs.append((key.node, value.node))
            }
        }
        position += 1
        for (key, value) in merged where seen.insert(key.text ?? "").inserted {
            pairs.append((key, value))
        }
        result.node.content = .mapping(pairs)
        return result
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

    private mutating func alias(
        _ event: YAMLEvent,
        _ depth: Int
    ) throws(YAMLError) -> Subtree {
        guard let name = event.anchor, let known = anchors[name] else {
            throw YAMLError("there is no anchor '\(event.anchor ?? "")' before", at: event.place)
        }
        try check(depth: depth + known.height, event.place)
        try count(known.size, event.place)
        return known
    }
}
