import Foundation
import FunctionRegistry
import HTTPTypes
import Hummingbird
import NIOCore

/// Accepts asynchronous calls: on the disk first, then to the dispatcher, then the 202.
struct AsyncAcceptor: Sendable {
    let registry: FunctionRegistry
    let dispatcher: AsyncDispatcher
    let headers: CallHeaders
    let ids: CallIDGenerator

    /// - Throws: `RegistryError.queueFull`, `.idempotencyMismatch`, `.recorderFull`, `.storage`,
    ///   `.storageFull`; the call is not accepted then.
    func accept(
        _ function: FunctionVersion, event: ByteBuffer, key: IdempotencyKey?
    ) async throws -> Response {
        let (record, isReplay) = try await call(function, event: event, key: key)
        return try accepted(record, isReplay: isReplay)
    }

    /// Accepts a call as `accept` does.
    /// - Parameters:
    ///   - hops: how many calls led to it, each by the end of the one before.
    ///   - trace: the one that it belongs to; only of functions that are told theirs.
    /// - Returns: its record; and whether it is that of an earlier call with the same key.
    func call(
        _ function: FunctionVersion, event: ByteBuffer, key: IdempotencyKey?, hops: Int? = nil,
        trace: String? = nil
    ) async throws -> (record: CallRecord, isReplay: Bool) {
        var record = newRecord(function, bytesIn: event.readableBytes)
        record.async?.hops = hops
        record.async?.trace = trace
        do {
            try dispatcher.checkRoom(for: function.name, bytes: event.readableBytes)
        } catch {
            // What has been accepted under this key needs no room.
            guard let key, let id = try await registry.calls.holder(of: key, for: record),
                let other = try await registry.calls.call(id)
            else { throw error }
            return (other, true)
        }
        let accepted = AcceptedEvent(
            Data(event.readableBytesView), function.async ?? AsyncSettings())
        let id = try await registry.calls.accept(record, event: accepted, key: key)
        if id == record.id {
            dispatcher.add(waitingCall(record, function))
            return (record, false)
        }
        // Of the same key; gone again only when the other request was refused.
        guard let other = try await registry.calls.call(id) else {
            return try await call(function, event: event, key: key, hops: hops, trace: trace)
        }
        return (other, true)
    }

    /// Runs a dead letter's event again.
    /// - Returns: `nil` when the call is not a dead letter.
    func replay(_ letter: CallRecord, _ function: FunctionVersion) async throws -> Response? {
        try dispatcher.checkRoom(for: function.name, bytes: letter.bytesIn)
        let record = newRecord(function, bytesIn: letter.bytesIn, replayOf: letter.id)
        guard
            try await registry.calls.replay(
                letter.id, as: record, settings: function.async ?? AsyncSettings()) != nil
        else { return nil }
        dispatcher.add(waitingCall(record, function))
        return try accepted(record)
    }

    private func newRecord(
        _ function: FunctionVersion, bytesIn: Int, replayOf: String? = nil
    ) -> CallRecord {
        var record = CallRecord(
            id: ids.next(), function: function, bytesIn: bytesIn, queuedAtMs: currentTimeMs())
        let settings = function.async ?? AsyncSettings()
        record.async = AsyncState(maxAttempts: settings.attempts, replayOf: replayOf)
        return record
    }

    private func waitingCall(_ record: CallRecord, _ function: FunctionVersion) -> WaitingCall {
        let settings = function.async ?? AsyncSettings()
        return WaitingCall(
            id: record.id, function: record.function, runtime: record.runtime,
            concurrency: function.concurrency, dueAtMs: record.queuedAtMs,
            expiresAtMs: record.queuedAtMs + Int64(settings.maxAgeMs), bytes: record.bytesIn)
    }

    private func accepted(_ record: CallRecord, isReplay: Bool = false) throws -> Response {
        var fields: HTTPFields = [.location: "/v1/calls/\(record.id)"]
        fields[headers.callID] = record.id
        fields[headers.state] = record.state.rawValue
        fields[headers.preferenceApplied] = "respond-async"
        if isReplay { fields[headers.replayed] = "true" }
        return try jsonResponse(
            CallView(record, withStack: true), status: .accepted, headers: fields)
    }
}
