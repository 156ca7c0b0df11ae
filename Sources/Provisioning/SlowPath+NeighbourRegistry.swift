// SPDX-License-Identifier: Apache-2.0
package import Dataplane

extension SlowPath: NeighbourRegistry {
    package func pin(_ neighbours: Set<NeighbourPlace>) {
        unpin(where: { !neighbours.contains(NeighbourPlace($0, on: $1)) })
    }
}
