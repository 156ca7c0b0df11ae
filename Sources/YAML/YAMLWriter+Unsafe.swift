// SPDX-License-Identifier: Apache-2.0
import CYAML

/// A document with `root` as its only node, which `readYAML` reads back as the same.
package func writeYAML(_ root: YAMLNode) -> String { YAMLWriter().write(root) }

private final class Output {
    var bytes: [UInt8] = []
}

/// Turns nodes into text by libyaml, whose memory does not leave this file.
private struct YAMLWriter {
    func write(_ root: YAMLNode) -> String {
        let output = Output()
        var emitter = unsafe yaml_emitter_t()
        guard unsafe yaml_emitter_initialize(&emitter) != 0 else { return "" }
        defer { unsafe yaml_emitter_delete(&emitter) }
        withExtendedLifetime(output) {
            let box = unsafe Unmanaged.passUnretained(output).toOpaque()
            unsafe yaml_emitter_set_output(
                &emitter,
                { box, octets, count in
                    guard let box = unsafe box else { return 0 }
                    let output = unsafe Unmanaged<Output>.fromOpaque(box).takeUnretainedValue()
                    unsafe output.bytes += UnsafeBufferPointer(start: octets, count: count)
                    return 1
                },
                box
            )
            unsafe yaml_emitter_set_unicode(&emitter, 1)
            unsafe yaml_emitter_set_width(&emitter, Self.width)
            unsafe emit(&emitter) {
                unsafe yaml_stream_start_event_initialize($0, YAML_UTF8_ENCODING)
            }
            unsafe emit(&emitter) {
                unsafe yaml_document_start_event_initialize($0, nil, nil, nil, 1)
            }
            unsafe write(root, &emitter)
            unsafe emit(&emitter) { unsafe yaml_document_end_event_initialize($0, 1) }
            unsafe emit(&emitter) { unsafe yaml_stream_end_event_initialize($0) }
        }
        return String(decoding: output.bytes, as: UTF8.self)
    }

    /// Columns after which long lists in brackets are broken.
    private static let width: Int32 = 100

    private typealias Emitter = UnsafeMutablePointer<yaml_emitter_t>

    /// What fails leaves the document cut short: there is no memory then.
    private func emit(
        _ emitter: Emitter,
        _ make: (UnsafeMutablePointer<yaml_event_t>) -> Int32
    ) {
        var event = unsafe yaml_event_t()
        if unsafe make(&event) != 0 { unsafe yaml_emitter_emit(emitter, &event) }
    }

    private func write(_ node: YAMLNode, _ emitter: Emitter) {
        switch node.content {
        case .scalar(let text, let isPlain):
            let style =
                !isPlain && text.needsQuotesInYAML
                ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE
            var octets = Array(text.utf8)
            let count = Int32(octets.count)
            unsafe emit(emitter) { event in
                unsafe octets.withUnsafeMutableBufferPointer { buffer in
                    unsafe yaml_scalar_event_initialize(
                        event,
                        nil,
                        nil,
                        buffer.baseAddress ?? UnsafeMutablePointer(bitPattern: 1),
                        count,
                        1,
                        1,
                        style
                    )
                }
            }
        case .sequence(let items):
            let isShort = items.allSatisfy { $0.text != nil }
            let style = isShort ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE
            unsafe emit(emitter) {
                unsafe yaml_sequence_start_event_initialize($0, nil, nil, 1, style)
            }
            for item in items { unsafe write(item, emitter) }
            unsafe emit(emitter) { unsafe yaml_sequence_end_event_initialize($0) }
        case .mapping(let pairs):
            let isShort = pairs.allSatisfy { $0.value.text != nil } && pairs.count <= 4
            let style = isShort ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE
            unsafe emit(emitter) {
                unsafe yaml_mapping_start_event_initialize($0, nil, nil, 1, style)
            }
            for (key, value) in pairs {
                unsafe write(key, emitter)
                unsafe write(value, emitter)
            }
            unsafe emit(emitter) { unsafe yaml_mapping_end_event_initialize($0) }
        }
    }
}
