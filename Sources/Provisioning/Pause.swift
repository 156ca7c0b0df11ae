// SPDX-License-Identifier: Apache-2.0

/// Sleeps for `duration` also in a task that was cancelled, where `Task.sleep` returns at once and a
/// loop around it would spin.
///
/// For what has to be waited for whatever became of the one who asked: workers that leave a snapshot.
package func pause(for duration: Duration) async {
    await Task { try? await Task.sleep(for: duration) }.value
}
