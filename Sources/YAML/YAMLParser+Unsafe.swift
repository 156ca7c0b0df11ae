// SPDX-License-Identifier: Apache-2.0
import CYAML

/// One step of a document, with what libyaml gave copied out.
struct YAMLEvent {
    enum Kind {
        case scalar(text: String, isPlain: Bool, tag: String?)
        case beginSequence, beginMapping, end
        case alias
        case beginDocument

        /// How it changes the depth.
        var step: Int {
            switch self {
            case .beginSequence, .beginMapping: 1
            case .end: -1
            case .scalar, .alias, .beginDocument: 0
            }
        }
    }

    var kind: Kind
    var anchor: String?
    var place: YAMLNode.Place
}

/// Turns octets into events by libyaml, whose memory does not leave this file.
struct YAMLParser {
    private let bytes: [UInt8]
    private let limits: YAMLLimits

    init(_ bytes: [UInt8], limits: YAMLLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    func events() throws(YAMLError) -> [YAMLEvent] {
        var parser = unsafe yaml_parser_t()
        guard unsafe yaml_parser_initialize(&parser) != 0 else {
            throw YAMLError("no memory", at: .init(line: 1, column: 1))
        }
        defer { unsafe yaml_parser_delete(&parser) }
        let result: Result<[YAMLEvent], YAMLError> = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe yaml_parser_set_input_string(&parser, input.baseAddress, input.count)
            return unsafe read(&parser)
        }
        return try result.get()
    }

    private func read(
        _ parser: UnsafeMutablePointer<yaml_parser_t>
    ) -> Result<[YAMLEvent], YAMLError> {
        var events: [YAMLEvent] = []
        var depth = 0
        while true {
            var event = unsafe yaml_event_t()
            guard unsafe yaml_parser_parse(parser, &event) != 0 else {
                return unsafe .failure(error(of: parser.pointee))
            }
            defer { unsafe yaml_event_delete(&event) }
            if unsafe event.type == YAML_STREAM_END_EVENT { return .success(events) }
            guard let copied = unsafe Self.copy(event) else { continue }
            events.append(copied)
            // The work of libyaml grows with the square of the depth, so it ends here.
            depth += copied.kind.step
            if depth > limits.depth {
                return .failure(YAMLError("nested too deep", at: copied.place))
            }
            if events.count > limits.nodes {
                let message = "the document has more than \(limits.nodes) values"
                return .failure(YAMLError(message, at: copied.place))
            }
        }
    }

    private static func copy(_ event: yaml_event_t) -> YAMLEvent? {
        let place = unsafe place(event.start_mark)
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT:
            return YAMLEvent(kind: .beginDocument, anchor: nil, place: place)
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let value = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let text = unsafe String(decoding: value, as: UTF8.self)
            let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
            let tag = unsafe string(scalar.tag)
            return unsafe YAMLEvent(
                kind: .scalar(text: text, isPlain: isPlain, tag: tag),
                anchor: string(scalar.anchor),
                place: place
            )
        case YAML_SEQUENCE_START_EVENT:
            let anchor = unsafe string(event.data.sequence_start.anchor)
            return YAMLEvent(kind: .beginSequence, anchor: anchor, place: place)
        case YAML_MAPPING_START_EVENT:
            let anchor = unsafe string(event.data.mapping_start.anchor)
            return YAMLEvent(kind: .beginMapping, anchor: anchor, place: place)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            return YAMLEvent(kind: .end, anchor: nil, place: place)
        case YAML_ALIAS_EVENT:
            let anchor = unsafe string(event.data.alias.anchor)
            return YAMLEvent(kind: .alias, anchor: anchor, place: place)
        default: return nil
        }
    }

    private static func string(_ pointer: UnsafePointer<yaml_char_t>?) -> String? {
        unsafe pointer.map { unsafe String(cString: $0) }
    }

    private static func string(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        unsafe pointer.map { unsafe String(cString: $0) }
    }

    private static func place(_ mark: yaml_mark_t) -> YAMLNode.Place {
        YAMLNode.Place(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    private func error(of parser: yaml_parser_t) -> YAMLError {
        let problem = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "not YAML"
        let context = unsafe parser.context.map { unsafe String(cString: $0) + ": " } ?? ""
        let isNoText = unsafe parser.error == YAML_READER_ERROR
        let place = unsafe isNoText ? place(parser.problem_offset) : Self.place(parser.problem_mark)
        return YAMLError(context + problem, at: place)
    }

    /// The place after `offset` octets: all that libyaml tells about octets that are no text.
    private func place(_ offset: Int) -> YAMLNode.Place {
        let before = bytes.prefix(offset)
        let newline = UInt8(ascii: "\n")
        let lineStart = before.lastIndex(of: newline).map { $0 + 1 } ?? 0
        // Of a character in UTF-8 all octets but the first begin with the bits 10.
        let characters = before[lineStart...].count { $0 & 0xC0 != 0x80 }
        let line = before.count { $0 == newline } + 1
        return YAMLNode.Place(line: line, column: characters + 1)
    }
}
