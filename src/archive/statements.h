/* Every statement of the archive, prepared once per connection. A message's id is
 * epoch << 32 | number: a room's messages lie side by side, and so do their rows in the index. */
#ifndef ARCHIVE_STATEMENTS_H
#define ARCHIVE_STATEMENTS_H

/* Is the person among those whom a message mentions? Few mention anybody, which is quick to see. */
#define MENTIONS(name)                                                                             \
    "instr(json, ',\"mentions\":[') > 0 AND EXISTS (SELECT 1 FROM json_each(message.json, "        \
    "'$.mentions')"                                                                                \
    " WHERE value = " name ")"

/* clang-format off */
#define STATEMENTS(X) \
    X(BEGIN, "BEGIN IMMEDIATE") \
    X(BEGIN_READ, "BEGIN") \
    X(COMMIT, "COMMIT") \
    X(ROLLBACK, "ROLLBACK") \
    X(FACT, "SELECT value FROM facts WHERE name = ?1") \
    X(FACT_SET, "INSERT INTO facts VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2") \
    X(FACT_ADD, "UPDATE facts SET value = value + ?2 WHERE name = ?1") \
    X(FACT_DROP, "DELETE FROM facts WHERE name = ?1") \
    X(ABOUT, "SELECT (SELECT count(*) FROM rejected), (SELECT count(*) FROM unindexed)," \
        " (SELECT time_ms FROM message ORDER BY id LIMIT 1)") \
    /* names */ \
    X(STREAM_MAKE, "INSERT INTO stream (name) VALUES (?1) ON CONFLICT DO NOTHING") \
    X(STREAM_FIND, "SELECT id FROM stream WHERE name = ?1") \
    X(EPOCH_MAKE, "INSERT INTO epoch (stream, name) VALUES (?1, ?2)") \
    X(EPOCH_FIND, "SELECT id FROM epoch WHERE stream = ?1 AND name = ?2") \
    X(EPOCH_NAME, "SELECT epoch.name, stream.name FROM epoch JOIN stream ON stream.id = stream" \
        " WHERE epoch.id = ?1") \
    /* epochs in order: by the time of their first message */ \
    X(SPAN, "SELECT began_ms FROM span WHERE id = ?1") \
    X(SPAN_SINCE, "SELECT id, stream, began_ms FROM span WHERE began_ms > ?1") \
    X(SPAN_BELOW, "SELECT id, name FROM span WHERE stream = ?1 AND (began_ms, id) < (?2, ?3)" \
        " ORDER BY began_ms DESC, id DESC") \
    X(SPAN_ABOVE, "SELECT id, name FROM span WHERE stream = ?1 AND (began_ms, id) > (?2, ?3)" \
        " ORDER BY began_ms, id LIMIT 1") \
    /* a row of `message`, and one bound of an epoch */ \
    X(MESSAGE_ADD, "INSERT INTO message (id, time_ms, kind, json) VALUES (?1," \
        /* NULL is refused: what has no author or time or another number is no message */ \
        " CASE WHEN json_type(?2, '$.user') = 'text' AND json_type(?2, '$.timestamp') = 'integer'" \
        "  AND json_extract(?2, '$.seq') = ?1 & 4294967295" \
        "  THEN json_extract(?2, '$.timestamp') END," \
        " CASE coalesce(json_extract(?2, '$.kind'), json_extract(?2, '$.type'))" \
        " WHEN 'message' THEN 0 WHEN 'private' THEN 1 WHEN 'edit' THEN 2 WHEN 'delete' THEN 3" \
        " WHEN 'react' THEN 4 WHEN 'room' THEN 5 ELSE 255 END," \
        " ?2) ON CONFLICT DO NOTHING") \
    /* another message with this key; a forgotten one is nobody's any more */ \
    X(OTHER, "SELECT 1 FROM message WHERE id = ?1 AND kind != 6" \
        " AND json_extract(json, '$.id') IS NOT json_extract(?2, '$.id')") \
    X(MESSAGE_MOVE, "UPDATE OR IGNORE message SET id = ?2 WHERE id = ?1") \
    X(FIRST, "SELECT id, time_ms FROM message WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT 1") \
    X(LAST, "SELECT id, time_ms FROM message WHERE id >= ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1") \
    X(PAGE_DOWN, "SELECT id, kind, json, state FROM message WHERE id <= ?1 AND id >= ?2" \
        " ORDER BY id DESC") \
    X(PAGE_UP, "SELECT id, kind, json, state FROM message WHERE id >= ?1 AND id <= ?2 ORDER BY id") \
    /* events, and what they are about */ \
    X(ROW, "SELECT id, kind, event, json, state FROM message WHERE id = ?1") \
    X(TARGET, "SELECT message.id, kind, event, json, state FROM epoch" \
        " CROSS JOIN message ON message.id = epoch.id << 32 | ?2" \
        " WHERE epoch.stream = ?1 AND kind != 7 AND json_extract(json, '$.id') = ?3 LIMIT 1") \
    X(REWRITE, "UPDATE message SET json = ?2, event = coalesce(?3, event) WHERE id = ?1") \
    X(EVENT_SET, "UPDATE message SET event = ?2 WHERE id = ?1") \
    X(STATE_SET, "UPDATE message SET state = ?2 WHERE id = ?1") \
    X(WAITING_ADD, "INSERT INTO waiting VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING") \
    X(WAITING, "SELECT event FROM waiting WHERE stream = ?1 AND number = ?2 ORDER BY event") \
    X(WAITING_DROP, "DELETE FROM waiting WHERE event = ?1") \
    X(WAITS, "SELECT EXISTS (SELECT 1 FROM waiting)") \
    X(STREAM_OF, "SELECT stream FROM epoch WHERE id = ?1") \
    X(FIND, "SELECT json FROM span JOIN message ON message.id = span.id << 32 | ?2" \
        /* EPOCH~1 has what was lost to others with the same numbers (write.c) */ \
        " WHERE stream = ?1 AND kind <= 1 AND instr(span.name, '~') = 0" \
        " ORDER BY began_ms DESC, span.id DESC LIMIT 1") \
    /* what is, will be and was searchable */ \
    X(UNINDEXED_ADD, "INSERT INTO unindexed VALUES (?1)") \
    X(UNINDEXED_DROP, "DELETE FROM unindexed WHERE id = ?1") \
    X(SEARCHABLE, "SELECT content, author FROM searchable WHERE id = ?1") \
    X(INDEX_DROP, "INSERT INTO search (search, rowid, content, author, mark)" \
        " VALUES ('delete', ?1, ?2, ?3, CASE WHEN ?1 % 8191 = 0 THEN 'x' END)") \
    X(UNINDEXED_AT, "SELECT id FROM unindexed ORDER BY id LIMIT 1 OFFSET ?1") \
    X(UNINDEXED_NEXT, "SELECT unindexed.id, content, author FROM unindexed" \
        " LEFT JOIN searchable ON searchable.id = unindexed.id ORDER BY unindexed.id") \
    X(UNINDEXED_DROP_TO, "DELETE FROM unindexed WHERE id <= ?1") \
    X(INDEX_ADD, "INSERT INTO search (rowid, content, author, mark)" \
        " VALUES (?1, ?2, ?3, CASE WHEN ?1 % 8191 = 0 THEN 'x' END)") \
    X(INDEX_CLEAR, "INSERT INTO search (search) VALUES ('delete-all')") \
    X(UNINDEXED_CLEAR, "DELETE FROM unindexed") \
    X(UNINDEXED_ALL, "INSERT INTO unindexed SELECT id FROM message") \
    /* repeats of what an epoch that was lost had already */ \
    X(AGAIN_LOAD, "INSERT OR REPLACE INTO again SELECT json_extract(json, '$.id'), id FROM message" \
        " WHERE id >= ?1 AND id <= ?2 LIMIT 10000") \
    X(AGAIN_FIND, "SELECT row FROM again JOIN message ON message.id = row" \
        " WHERE again.id = json_extract(?1, '$.id')" \
        " AND time_ms <= json_extract(?1, '$.timestamp')") \
    X(AGAIN_DROP, "DELETE FROM again WHERE row = ?1") \
    X(AGAIN_CLEAR, "DELETE FROM again") \
    X(AGAIN_EMPTY, "UPDATE message SET json = json_set(json, '$.content', '') WHERE id = ?1") \
    X(KIND_SET, "UPDATE message SET kind = ?2 WHERE id = ?1") \
    /* what goes */ \
    X(STREAM_NEXT, "SELECT id, name FROM stream WHERE id > ?1 ORDER BY id LIMIT 1") \
    X(MESSAGE_DROP, "DELETE FROM message WHERE id = ?1") \
    X(EPOCH_DROP_EMPTY, "DELETE FROM epoch WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM message" \
        " WHERE id >= ?1 << 32 AND id <= ?1 << 32 | 4294967295)") \
    X(MESSAGE_AFTER_MANY, "SELECT id FROM message WHERE id >= ?1 ORDER BY id LIMIT 1 OFFSET ?2") \
    X(FORGET_ORDER, "SELECT name, version," \
        " CASE WHEN json <> '' THEN json_extract(json, '$.as') END," \
        " CASE WHEN json <> '' THEN json_extract(json, '$.next') END" \
        " FROM record WHERE kind = 'forget' LIMIT 1") \
    X(FORGET_NEXT, "UPDATE record SET json = json_set(iif(json = '', '{}', json), '$.next', ?2)" \
        " WHERE kind = 'forget' AND name = ?1") \
    X(FORGET_FIND, "SELECT id, json_extract(json, '$.user') = ?4 AS wrote FROM message" \
        " WHERE id >= ?1 AND id <= ?2 AND time_ms <= ?3 AND (wrote OR " MENTIONS("?4") ")") \
    X(FORGET_MENTION, "UPDATE message SET json = json_set(json, '$.mentions', (SELECT" \
        " json_group_array(value) FROM json_each(message.json, '$.mentions') WHERE value <> ?2))" \
        " WHERE id = ?1") \
    X(FORGET, "UPDATE message SET kind = CASE kind WHEN 7 THEN 7 ELSE 6 END, state = NULL," \
        " json = json_remove(json_set(json_remove(json, '$.deleted'), '$.user', ?2," \
        "  '$.content', '', '$.deleted', json('true')), '$.cid', '$.edited', '$.mentions'," \
        "  '$.emoji', '$.remove') WHERE id = ?1") \
    X(INDEX_MERGE, "INSERT INTO search (search, rank) VALUES ('merge', ?1)") \
    X(REJECTED_DROP, "DELETE FROM rejected WHERE instr(CAST(body AS TEXT), ?1)") \
    /* searches: nothing may stand beside MATCH and the rowid, or the planner may leave the index */ \
    X(SEARCH_EPOCHS, "SELECT epoch.id FROM stream JOIN epoch ON epoch.stream = stream.id" \
        " WHERE stream.name = ?1 ORDER BY epoch.id DESC") \
    X(SEARCH_CONVERSATIONS, "SELECT id FROM epoch WHERE stream IN (SELECT id FROM stream" \
        " WHERE name >= 'd:' || ?1 || '|' AND name < 'd:' || ?1 || '}'" \
        " UNION SELECT id FROM stream WHERE name GLOB 'd:*'" \
        " AND substr(name, instr(name, '|') + 1) = ?1) ORDER BY id DESC") \
    X(SEARCH_BEHIND, "SELECT count(*) FROM (SELECT 1 FROM unindexed LIMIT ?1)") \
    X(SEARCH_MATCH, "SELECT rowid, confab_score(search, ?4) FROM search WHERE search MATCH ?1" \
        " AND rowid BETWEEN ?2 AND ?3 ORDER BY rowid DESC") \
    X(SEARCH_MATCH_UP, "SELECT rowid, confab_score(search, ?4) FROM search WHERE search MATCH ?1" \
        " AND rowid BETWEEN ?2 AND ?3 ORDER BY rowid") \
    X(SEARCH_HIT, "SELECT json, json_extract(json, '$.content') FROM message" \
        " WHERE id = ?1 AND kind <= 1") \
    /* tools */ \
    X(CARE_EPOCH, "SELECT epoch.id, epoch.name, stream.name FROM epoch" \
        " JOIN stream ON stream.id = stream WHERE epoch.id >= ?1 ORDER BY epoch.id LIMIT 1") \
    X(CARE_ROWS, "SELECT id, time_ms, kind, json," \
        " ?3 IS NULL OR json_extract(json, '$.user') = ?3 OR " MENTIONS("?3") " FROM message" \
        " WHERE id >= ?1 AND id <= ?2 ORDER BY id") \
    X(CARE_NUMBERS, "SELECT stream.name, epoch.name, (SELECT count(*) FROM message" \
        "  WHERE message.id BETWEEN epoch.id << 32 AND epoch.id << 32 | 4294967295)," \
        " (SELECT id & 4294967295 FROM message WHERE id >= epoch.id << 32 ORDER BY id LIMIT 1)," \
        " (SELECT id & 4294967295 FROM message WHERE id <= epoch.id << 32 | 4294967295" \
        "  ORDER BY id DESC LIMIT 1)" \
        " FROM epoch JOIN stream ON stream.id = stream ORDER BY epoch.id") \
    /* records and what could not be stored */ \
    X(RECORD_SET, "INSERT INTO record VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE" \
        " SET version = excluded.version, json = excluded.json" \
        " WHERE excluded.version > version") \
    X(RECORDS, "SELECT name, version, json FROM record WHERE kind = ?1 AND name > ?2" \
        " ORDER BY name LIMIT 200") \
    X(RECORD_DROP, "DELETE FROM record WHERE kind = ?1 AND name = ?2") \
    X(REJECT, "INSERT INTO rejected (entry, why, body) SELECT ?1, ?2, ?3" \
        " WHERE (SELECT count(*) FROM rejected) < 1000")
/* clang-format on */

enum statement {
#define X(name, sql) STATEMENT_##name,
    STATEMENTS(X)
#undef X
        STATEMENT_COUNT
};

#endif
