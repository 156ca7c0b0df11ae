// SPDX-License-Identifier: Apache-2.0
package import Dataplane

extension SlowPath: NeighbourRegistry {}
