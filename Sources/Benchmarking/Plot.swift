// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Cycles per packet against the number of flows, one line a family, as an SVG file.
package struct Plot {
    private struct Line {
        var family: String
        var points: [(flows: Double, result: Measurement)]
    }

    private let lines: [Line]
    /// Cycles at the upper end of the axis.
    private let top: Double
    /// Powers of ten at the right end of the axis.
    private let decades: Double

    private static let width = 860.0
    private static let height = 520.0
    private static let left = 70.0
    private static let right = 640.0
    private static let upper = 50.0
    private static let lower = 460.0
    private static let colors = [
        "#0b62a4", "#d9541e", "#2c8a2c", "#7b3fa0", "#8c6d00", "#c2185b",
    ]
    /// Cycles between two lines of the grid.
    private static let step = 500.0

    /// Nil when no run has a number of flows.
    package init?(_ results: [Measurement]) {
        let families = Dictionary(grouping: results.filter { ($0.flows ?? 0) > 0 }) {
            $0.family ?? $0.name
        }
        guard !families.isEmpty else { return nil }
        lines = families.sorted { $0.key < $1.key }
            .map { family, members in
                Line(
                    family: family,
                    points: members.map { (Double($0.flows ?? 1), $0) }
                        .sorted { $0.flows < $1.flows }
                )
            }
        let points = lines.flatMap(\.points)
        let highest = points.map { $0.result.slowest ?? $0.result.cyclesPerPacket }.max() ?? 0
        let reference = Reference.all.map(\.dpvs.upperBound).max() ?? 0
        top = (max(highest, reference) / Self.step).rounded(.up) * Self.step
        let most = points.map(\.flows).max() ?? 1
        decades = max(log10(most), Reference.all.map { log10($0.flows) }.max() ?? 0) * 1.03
    }

    package var svg: String {
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Self.width)\" "
                + "height=\"\(Self.height)\" font-family=\"sans-serif\" font-size=\"13\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            Self.label(Self.left, 28, "Cycles per packet against flows, one worker", size: 17),
        ]
        parts += axes
        parts += references
        for (index, line) in lines.enumerated() { parts += draw(line, index) }
        parts += legend
        return (parts + ["</svg>", ""]).joined(separator: "\n")
    }

    // MARK: - Where things are

    private func x(_ flows: Double) -> Double {
        Self.left + 15 + log10(max(1, flows)) / decades * (Self.right - Self.left - 25)
    }

    private func y(_ cycles: Double) -> Double {
        Self.lower - cycles / top * (Self.lower - Self.upper)
    }

    // MARK: - Parts

    private var axes: [String] {
        var parts: [String] = []
        for cycles in stride(from: 0, through: top, by: Self.step) {
            parts.append(Self.stroke(Self.left, y(cycles), Self.right, y(cycles), "#dddddd"))
            parts.append(
                Self.label(
                    Self.left - 8,
                    y(cycles) + 4,
                    MeasurementText.text(cycles),
                    anchor: "end"
                )
            )
        }
        for (power, name) in ["1", "10", "100", "1k", "10k", "100k", "1M", "10M", "100M"]
            .enumerated() where Double(power) <= decades
        {
            let place = x(pow(10, Double(power)))
            parts.append(Self.stroke(place, Self.lower, place, Self.lower + 5, "#444444"))
            parts.append(Self.label(place, Self.lower + 20, name, anchor: "middle"))
        }
        parts.append(Self.stroke(Self.left, Self.lower, Self.right, Self.lower, "#444444"))
        let middle = (Self.left + Self.right) / 2
        parts.append(
            Self.label(middle, Self.lower + 42, "established flows (log scale)", anchor: "middle")
        )
        return parts
    }

    /// Bands for DPVS, ticks for the goals.
    private var references: [String] {
        Reference.all.flatMap { reference in
            let place = x(reference.flows)
            let band = reference.dpvs
            return [
                "<rect x=\"\(Self.number(place - 14))\" y=\"\(Self.number(y(band.upperBound)))\" "
                    + "width=\"28\" fill=\"#b0b0b0\" height=\""
                    + Self.number(y(band.lowerBound) - y(band.upperBound)) + "\"/>",
                Self.stroke(
                    place - 14,
                    y(reference.goal),
                    place + 14,
                    y(reference.goal),
                    "#000000",
                    width: 3
                ),
            ]
        }
    }

    private func draw(_ line: Line, _ index: Int) -> [String] {
        let color = Self.color(index)
        let places = line.points.map { point in
            "\(Self.number(x(point.flows))),\(Self.number(y(point.result.cyclesPerPacket)))"
        }
        var parts = [
            "<polyline points=\"\(places.joined(separator: " "))\" fill=\"none\" "
                + "stroke=\"\(color)\" stroke-width=\"2\"/>"
        ]
        for point in line.points {
            let place = x(point.flows)
            let cycles = point.result.cyclesPerPacket
            if let fastest = point.result.fastest, let slowest = point.result.slowest {
                parts.append(Self.stroke(place, y(fastest), place, y(slowest), color))
            }
            parts.append(
                "<circle cx=\"\(Self.number(place))\" cy=\"\(Self.number(y(cycles)))\" r=\"4\" "
                    + "fill=\"\(color)\"><title>\(point.result.name): "
                    + "\(MeasurementText.text(cycles)) cycles</title></circle>"
            )
        }
        return parts
    }

    private var legend: [String] {
        let edge = Self.right + 24
        var parts: [String] = []
        for (index, line) in lines.enumerated() {
            let place = Self.upper + 20 + Double(index) * 24
            parts.append(
                Self.stroke(edge, place - 4, edge + 24, place - 4, Self.color(index), width: 3)
            )
            parts.append(Self.label(edge + 34, place, Self.escape(line.family)))
        }
        let place = Self.upper + 32 + Double(lines.count) * 24
        parts.append(Self.stroke(edge, place - 4, edge + 24, place - 4, "#000000", width: 3))
        parts.append(Self.label(edge + 34, place, "goal, FNAT UDP"))
        parts.append(
            "<rect x=\"\(edge)\" y=\"\(place + 12)\" width=\"24\" height=\"14\" fill=\"#b0b0b0\"/>"
        )
        parts.append(Self.label(edge + 34, place + 24, "DPVS v1.10, FNAT UDP"))
        return parts
    }

    // MARK: - SVG

    private static func color(_ index: Int) -> String { colors[index % colors.count] }

    private static func number(_ value: Double) -> String { MeasurementText.text(value, 1) }

    private static func stroke(
        _ x1: Double,
        _ y1: Double,
        _ x2: Double,
        _ y2: Double,
        _ color: String,
        width: Double = 1
    ) -> String {
        "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" "
            + "y2=\"\(number(y2))\" stroke=\"\(color)\" stroke-width=\"\(number(width))\"/>"
    }

    private static func label(
        _ x: Double,
        _ y: Double,
        _ text: String,
        anchor: String = "start",
        size: Int = 13
    ) -> String {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\" "
            + "font-size=\"\(size)\">\(text)</text>"
    }

    private static func escape(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;")
            .replacingOccurrences(of: "<", with: "&lt;")
    }
}
