CREATE INDEX ix_activity_day ON activity (day, feed_id, entries);
CREATE INDEX ix_entries_feed ON entries (feed_id, id, exclusion);
CREATE UNIQUE INDEX ix_entries_identity ON entries (identity, feed_id);
CREATE INDEX ix_entries_story ON entries (story_id) WHERE story_id IS NOT NULL;
CREATE INDEX ix_entry_keys_gone ON entry_keys (gone_before) WHERE gone_before IS NOT NULL;
CREATE INDEX ix_entry_pictures_picture ON entry_pictures (picture_id);
CREATE UNIQUE INDEX ix_episodes_open ON episodes (feed_id, kind) WHERE ended_at IS NULL;
CREATE INDEX ix_feed_categories_list ON feed_categories (list_id);
CREATE INDEX ix_feeds_due ON feeds (next_poll_at, host);
CREATE INDEX ix_feeds_leased ON feeds (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX ix_hub_requests_host ON hub_requests (host);
CREATE INDEX ix_list_members_archived ON list_members (list_id, archived_at) WHERE archived_at IS NOT NULL;
CREATE INDEX ix_lists_left ON lists (id) WHERE position IS NULL;
CREATE INDEX ix_notification_queue_entry ON notification_queue (entry_id);
CREATE INDEX ix_pictures_due ON pictures (place) WHERE next_at IS NOT NULL;
CREATE INDEX ix_pictures_file ON pictures (file_key) WHERE file_key IS NOT NULL;
CREATE INDEX ix_pictures_stored ON pictures (place, size) WHERE file_key IS NOT NULL;
CREATE INDEX ix_story_links_other ON story_links (other);
CREATE INDEX ix_subscribers_due ON subscribers (next_at);
CREATE INDEX ix_subscribers_host ON subscribers (host);
CREATE INDEX ix_withdrawn_members_archived ON withdrawn_members (list_id, archived_at) WHERE archived_at IS NOT NULL;
CREATE INDEX ix_withdrawn_members_entry ON withdrawn_members (entry_id);
CREATE TABLE activity (
	feed_id INTEGER NOT NULL,
	day INTEGER NOT NULL,
	entries INTEGER NOT NULL,
	PRIMARY KEY (feed_id, day),
	FOREIGN KEY(feed_id) REFERENCES feeds (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE contents (
	entry_id INTEGER NOT NULL,
	html TEXT NOT NULL,
	PRIMARY KEY (entry_id),
	FOREIGN KEY(entry_id) REFERENCES entries (id) ON DELETE CASCADE
);
CREATE TABLE "entries" (
	id INTEGER NOT NULL,
	feed_id INTEGER NOT NULL,
	exclusion TEXT,
	identity BLOB NOT NULL,
	content_hash BLOB NOT NULL,
	record_hash BLOB NOT NULL,
	guid TEXT,
	public_id TEXT NOT NULL,
	url TEXT,
	title TEXT NOT NULL,
	title_html TEXT,
	summary TEXT NOT NULL,
	authors TEXT,
	categories TEXT,
	enclosures TEXT,
	language TEXT,
	comments_url TEXT,
	published_at BIGINT,
	updated_at BIGINT,
	first_seen_at BIGINT NOT NULL,
	changed_at BIGINT NOT NULL,
	story_id BIGINT,
	story_keys BLOB,
	image TEXT,
	origin TEXT,
	copied BOOLEAN DEFAULT 0 NOT NULL,
	dating TEXT, precision BIGINT,
	PRIMARY KEY (id),
	FOREIGN KEY(feed_id) REFERENCES feeds (id) ON DELETE CASCADE
);
CREATE TABLE entry_keys (
	feed_id INTEGER NOT NULL,
	"key" BIGINT NOT NULL,
	entry_id BIGINT,
	gone_before BIGINT,
	PRIMARY KEY (feed_id, "key"),
	FOREIGN KEY(feed_id) REFERENCES feeds (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE entry_pictures (
	entry_id BIGINT NOT NULL,
	position INTEGER NOT NULL,
	picture_id INTEGER NOT NULL,
	may_lead BOOLEAN NOT NULL,
	PRIMARY KEY (entry_id, position),
	FOREIGN KEY(entry_id) REFERENCES entries (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE episodes (
	id BIGINT NOT NULL,
	position BIGINT NOT NULL,
	kind TEXT NOT NULL,
	feed_id INTEGER NOT NULL,
	began_at BIGINT NOT NULL,
	opened_at BIGINT NOT NULL,
	changed_at BIGINT NOT NULL,
	ended_at BIGINT,
	ending TEXT,
	failure TEXT,
	detail TEXT,
	gap BIGINT,
	PRIMARY KEY (id),
	UNIQUE (position)
);
CREATE TABLE feed_categories (
	feed_id INTEGER NOT NULL,
	position INTEGER NOT NULL,
	list_id INTEGER NOT NULL,
	PRIMARY KEY (feed_id, position),
	FOREIGN KEY(feed_id) REFERENCES feeds (id) ON DELETE CASCADE,
	FOREIGN KEY(list_id) REFERENCES lists (id)
)
 WITHOUT ROWID

;
CREATE TABLE "feeds" (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	url TEXT NOT NULL,
	host TEXT NOT NULL,
	configured_title TEXT,
	interval BIGINT NOT NULL,
	subscribed BOOLEAN NOT NULL,
	title TEXT NOT NULL,
	subtitle TEXT NOT NULL,
	site_url TEXT,
	feed_id TEXT,
	language TEXT,
	author TEXT,
	rights TEXT,
	format TEXT NOT NULL,
	note TEXT,
	validators_url TEXT,
	etag TEXT,
	last_modified TEXT,
	body_hash BLOB,
	memory BLOB,
	moved_to TEXT,
	ttl BIGINT,
	next_poll_at BIGINT,
	next_reason TEXT,
	not_before BIGINT,
	lease_owner TEXT,
	lease_until BIGINT,
	polls INTEGER NOT NULL,
	entries INTEGER NOT NULL,
	last_polled_at BIGINT,
	last_success_at BIGINT,
	last_change_at BIGINT,
	failures INTEGER NOT NULL,
	failing_since BIGINT,
	error TEXT,
	gone BOOLEAN NOT NULL,
	interval_given BOOLEAN DEFAULT 0 NOT NULL,
	distrust_304 BOOLEAN DEFAULT 0 NOT NULL,
	last_full_at BIGINT,
	freshness BIGINT,
	moving_to TEXT,
	moving_since BIGINT,
	moving_seen INTEGER,
	update_every BIGINT,
	skip_hours TEXT,
	skip_days TEXT,
	gap BIGINT,
	"plan" TEXT,
	habits TEXT,
	timezone TEXT,
	private BOOLEAN DEFAULT 0 NOT NULL,
	stories BOOLEAN DEFAULT 1 NOT NULL,
	rank INTEGER DEFAULT '0' NOT NULL,
	listing TEXT,
	is_initial BOOLEAN DEFAULT 0 NOT NULL,
	first_read_at BIGINT,
	paused BOOLEAN DEFAULT 0 NOT NULL, read_here BOOLEAN DEFAULT 1 NOT NULL, pictures TEXT, failure TEXT, written_url TEXT, named_by_title BOOLEAN DEFAULT 0 NOT NULL, request_digest TEXT, opml_list TEXT, by_proxy BOOLEAN DEFAULT 0 NOT NULL, selectors TEXT, first_posts INTEGER,
	PRIMARY KEY (id),
	UNIQUE (name)
);
CREATE TABLE former_names (
	name TEXT NOT NULL,
	feed_id INTEGER NOT NULL,
	PRIMARY KEY (name),
	FOREIGN KEY(feed_id) REFERENCES feeds (id) ON DELETE CASCADE
);
CREATE TABLE hidden_entries (
	feed_id INTEGER NOT NULL,
	entries INTEGER NOT NULL,
	PRIMARY KEY (feed_id),
	FOREIGN KEY(feed_id) REFERENCES feeds (id) ON DELETE CASCADE
);
CREATE TABLE hosts (
	name TEXT NOT NULL,
	free_at BIGINT NOT NULL,
	pace BIGINT,
	learned_at BIGINT,
	PRIMARY KEY (name)
);
CREATE TABLE hub_requests (
	id INTEGER NOT NULL,
	topic TEXT NOT NULL,
	callback TEXT NOT NULL,
	host TEXT NOT NULL,
	secret TEXT,
	lease BIGINT NOT NULL,
	is_unsubscribe BOOLEAN NOT NULL,
	taken_until BIGINT,
	PRIMARY KEY (id)
);
CREATE VIRTUAL TABLE indexed_words USING fts5vocab(word_index, instance);
CREATE TABLE list_members (
	list_id INTEGER NOT NULL,
	entry_id BIGINT NOT NULL,
	is_representative BOOLEAN NOT NULL,
	archived_at BIGINT,
	PRIMARY KEY (list_id, entry_id)
)
 WITHOUT ROWID

;
CREATE TABLE lists (
	id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	"key" TEXT NOT NULL,
	title TEXT NOT NULL,
	description TEXT DEFAULT '' NOT NULL,
	search TEXT,
	position INTEGER,
	began_at BIGINT,
	entries BIGINT DEFAULT '0' NOT NULL,
	stories BIGINT DEFAULT '0' NOT NULL,
	feeds BIGINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (kind, "key")
);
CREATE TABLE notification_queue (
	target_id INTEGER NOT NULL,
	entry_id BIGINT NOT NULL,
	queued_at BIGINT NOT NULL,
	PRIMARY KEY (target_id, entry_id),
	FOREIGN KEY(target_id) REFERENCES notification_targets (id) ON DELETE CASCADE,
	FOREIGN KEY(entry_id) REFERENCES entries (id) ON DELETE CASCADE
);
CREATE TABLE notification_targets (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	digest TEXT NOT NULL,
	kind TEXT NOT NULL,
	"key" TEXT NOT NULL,
	position BIGINT NOT NULL,
	taken_by TEXT,
	taken_until BIGINT,
	failures INTEGER DEFAULT '0' NOT NULL,
	retry_at BIGINT,
	error TEXT,
	sent_at BIGINT,
	PRIMARY KEY (id),
	UNIQUE (name)
);
CREATE TABLE opml_lists (
	id INTEGER NOT NULL,
	address TEXT NOT NULL,
	position INTEGER NOT NULL,
	validators_url TEXT,
	etag TEXT,
	last_modified TEXT,
	outlines TEXT,
	version INTEGER DEFAULT '0' NOT NULL,
	failures INTEGER DEFAULT '0' NOT NULL,
	failure TEXT,
	last_polled_at BIGINT,
	last_success_at BIGINT,
	next_poll_at BIGINT,
	lease_owner TEXT,
	lease_until BIGINT,
	PRIMARY KEY (id),
	UNIQUE (address)
);
CREATE TABLE pictures (
	id INTEGER NOT NULL,
	address_hash BLOB NOT NULL,
	url TEXT NOT NULL,
	site TEXT NOT NULL,
	feed_id INTEGER NOT NULL,
	place BIGINT NOT NULL,
	file_key TEXT,
	width INTEGER,
	height INTEGER,
	size BIGINT DEFAULT '0' NOT NULL,
	attempts INTEGER DEFAULT '0' NOT NULL,
	next_at BIGINT,
	failure TEXT,
	PRIMARY KEY (id),
	UNIQUE (address_hash)
);
CREATE TABLE polls (
	feed_id INTEGER NOT NULL,
	slot INTEGER NOT NULL,
	started_at BIGINT NOT NULL,
	outcome TEXT NOT NULL,
	status INTEGER,
	size BIGINT NOT NULL,
	seconds FLOAT NOT NULL,
	new INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	error TEXT,
	PRIMARY KEY (feed_id, slot),
	FOREIGN KEY(feed_id) REFERENCES feeds (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE relistings (
	feed_id INTEGER NOT NULL,
	below BIGINT NOT NULL,
	done BIGINT NOT NULL,
	former_lists TEXT, changed_views TEXT,
	PRIMARY KEY (feed_id)
)
 WITHOUT ROWID

;
CREATE TABLE resolved_names (
	field TEXT NOT NULL,
	value TEXT NOT NULL,
	feeds TEXT,
	PRIMARY KEY (field, value)
)
 WITHOUT ROWID

;
CREATE TABLE state (
	id INTEGER NOT NULL,
	version BIGINT NOT NULL,
	checked_at BIGINT, boot TEXT, boot_at BIGINT, feeds BIGINT DEFAULT '0' NOT NULL, unread BIGINT DEFAULT '0' NOT NULL, failing BIGINT DEFAULT '0' NOT NULL, stories BOOLEAN DEFAULT 1 NOT NULL, listing TEXT, rules_version INTEGER DEFAULT '0' NOT NULL, config_problem TEXT, alive_at BIGINT, hub_owner TEXT, hub_until BIGINT, followed_file TEXT, followed_digest TEXT,
	PRIMARY KEY (id)
);
CREATE TABLE story_candidates (
	entry_id BIGINT NOT NULL,
	candidate_id BIGINT NOT NULL,
	PRIMARY KEY (entry_id, candidate_id)
)
 WITHOUT ROWID

;
CREATE TABLE story_keys (
	"key" INTEGER NOT NULL,
	entry_id BIGINT NOT NULL,
	feed_id INTEGER NOT NULL,
	PRIMARY KEY ("key", entry_id)
)
 WITHOUT ROWID

;
CREATE TABLE story_links (
	one INTEGER NOT NULL,
	other INTEGER NOT NULL,
	rule TEXT NOT NULL,
	score INTEGER NOT NULL,
	PRIMARY KEY (one, other),
	FOREIGN KEY(one) REFERENCES entries (id) ON DELETE CASCADE,
	FOREIGN KEY(other) REFERENCES entries (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE subscribers (
	id INTEGER NOT NULL,
	topic TEXT NOT NULL,
	callback TEXT NOT NULL,
	host TEXT NOT NULL,
	secret TEXT,
	lease_until BIGINT NOT NULL,
	wanted INTEGER NOT NULL,
	delivered INTEGER NOT NULL,
	failures INTEGER NOT NULL,
	next_at BIGINT,
	PRIMARY KEY (id),
	UNIQUE (topic, callback)
);
CREATE TABLE unannounced (
	list_id INTEGER NOT NULL,
	feed_id INTEGER NOT NULL,
	first_at BIGINT NOT NULL,
	latest_at BIGINT NOT NULL,
	PRIMARY KEY (list_id, feed_id)
)
 WITHOUT ROWID

;
CREATE TABLE unchosen_pictures (
	entry_id BIGINT NOT NULL,
	feed_id INTEGER NOT NULL,
	PRIMARY KEY (entry_id, feed_id),
	FOREIGN KEY(feed_id) REFERENCES feeds (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE withdrawn_members (
	list_id INTEGER NOT NULL,
	entry_id INTEGER NOT NULL,
	archived_at BIGINT,
	PRIMARY KEY (list_id, entry_id),
	FOREIGN KEY(list_id) REFERENCES lists (id),
	FOREIGN KEY(entry_id) REFERENCES entries (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE VIRTUAL TABLE word_index USING fts5(
        title, summary, content, authors, tags, feed,
        content='', columnsize=0, tokenize='ascii');
CREATE TRIGGER entries_counted_delete AFTER DELETE ON entries BEGIN UPDATE activity SET entries = entries - 1 WHERE feed_id = old.feed_id AND day = (old.id >> 20) / 86400000; DELETE FROM activity WHERE feed_id = old.feed_id AND day = (old.id >> 20) / 86400000 AND entries <= 0; END;
CREATE TRIGGER entries_counted_insert AFTER INSERT ON entries BEGIN INSERT INTO activity (feed_id, day, entries) VALUES (new.feed_id, (new.id >> 20) / 86400000, 1) ON CONFLICT (feed_id, day) DO UPDATE SET entries = activity.entries + 1; END;
CREATE TRIGGER entries_hidden_delete AFTER DELETE ON entries WHEN coalesce(old.exclusion, '') IN ('hide', 'keep', 'per_day') BEGIN UPDATE hidden_entries SET entries = entries - 1 WHERE feed_id = old.feed_id; END;
CREATE TRIGGER entries_hidden_insert AFTER INSERT ON entries WHEN coalesce(new.exclusion, '') IN ('hide', 'keep', 'per_day') BEGIN INSERT INTO hidden_entries (feed_id, entries) VALUES (new.feed_id, 1) ON CONFLICT (feed_id) DO UPDATE SET entries = hidden_entries.entries + 1; END;
CREATE TRIGGER entries_hidden_update AFTER UPDATE OF exclusion ON entries WHEN coalesce(new.exclusion, '') IN ('hide', 'keep', 'per_day') AND NOT coalesce(old.exclusion, '') IN ('hide', 'keep', 'per_day') BEGIN INSERT INTO hidden_entries (feed_id, entries) VALUES (new.feed_id, 1) ON CONFLICT (feed_id) DO UPDATE SET entries = hidden_entries.entries + 1; END;
CREATE TRIGGER entries_shown_update AFTER UPDATE OF exclusion ON entries WHEN coalesce(old.exclusion, '') IN ('hide', 'keep', 'per_day') AND NOT coalesce(new.exclusion, '') IN ('hide', 'keep', 'per_day') BEGIN UPDATE hidden_entries SET entries = entries - 1 WHERE feed_id = old.feed_id; END;
CREATE TRIGGER feed_categories_counted_delete AFTER DELETE ON feed_categories BEGIN UPDATE lists SET feeds = feeds - 1 WHERE id = old.list_id AND EXISTS (SELECT 1 FROM feeds WHERE id = old.feed_id AND subscribed); END;
CREATE TRIGGER feed_categories_counted_insert AFTER INSERT ON feed_categories BEGIN UPDATE lists SET feeds = feeds + 1 WHERE id = new.list_id AND EXISTS (SELECT 1 FROM feeds WHERE id = new.feed_id AND subscribed); END;
CREATE TRIGGER feeds_counted_delete AFTER DELETE ON feeds WHEN old.subscribed BEGIN UPDATE state SET feeds = feeds - CASE WHEN old.subscribed THEN 1 ELSE 0 END, unread = unread - CASE WHEN old.subscribed AND old.last_polled_at IS NULL AND NOT old.paused THEN 1 ELSE 0 END, failing = failing - CASE WHEN old.subscribed AND old.failures > 0 AND NOT old.gone AND NOT old.paused AND old.not_before IS NULL THEN 1 ELSE 0 END; END;
CREATE TRIGGER feeds_counted_insert AFTER INSERT ON feeds WHEN new.subscribed BEGIN UPDATE state SET feeds = feeds + CASE WHEN new.subscribed THEN 1 ELSE 0 END, unread = unread + CASE WHEN new.subscribed AND new.last_polled_at IS NULL AND NOT new.paused THEN 1 ELSE 0 END, failing = failing + CASE WHEN new.subscribed AND new.failures > 0 AND NOT new.gone AND NOT new.paused AND new.not_before IS NULL THEN 1 ELSE 0 END; END;
CREATE TRIGGER feeds_counted_update AFTER UPDATE OF subscribed, paused, last_polled_at, failures, gone, not_before ON feeds WHEN CASE WHEN old.subscribed THEN 1 ELSE 0 END <> CASE WHEN new.subscribed THEN 1 ELSE 0 END OR CASE WHEN old.subscribed AND old.last_polled_at IS NULL AND NOT old.paused THEN 1 ELSE 0 END <> CASE WHEN new.subscribed AND new.last_polled_at IS NULL AND NOT new.paused THEN 1 ELSE 0 END OR CASE WHEN old.subscribed AND old.failures > 0 AND NOT old.gone AND NOT old.paused AND old.not_before IS NULL THEN 1 ELSE 0 END <> CASE WHEN new.subscribed AND new.failures > 0 AND NOT new.gone AND NOT new.paused AND new.not_before IS NULL THEN 1 ELSE 0 END BEGIN UPDATE state SET feeds = feeds - CASE WHEN old.subscribed THEN 1 ELSE 0 END + CASE WHEN new.subscribed THEN 1 ELSE 0 END, unread = unread - CASE WHEN old.subscribed AND old.last_polled_at IS NULL AND NOT old.paused THEN 1 ELSE 0 END + CASE WHEN new.subscribed AND new.last_polled_at IS NULL AND NOT new.paused THEN 1 ELSE 0 END, failing = failing - CASE WHEN old.subscribed AND old.failures > 0 AND NOT old.gone AND NOT old.paused AND old.not_before IS NULL THEN 1 ELSE 0 END + CASE WHEN new.subscribed AND new.failures > 0 AND NOT new.gone AND NOT new.paused AND new.not_before IS NULL THEN 1 ELSE 0 END; END;
CREATE TRIGGER feeds_in_lists_update AFTER UPDATE OF subscribed ON feeds WHEN old.subscribed <> new.subscribed BEGIN UPDATE lists SET feeds = feeds + CASE WHEN new.subscribed THEN 1 ELSE 0 END - CASE WHEN old.subscribed THEN 1 ELSE 0 END WHERE id IN (SELECT list_id FROM feed_categories WHERE feed_id = new.id); END;
CREATE TRIGGER list_members_counted_delete AFTER DELETE ON list_members BEGIN UPDATE lists SET entries = entries - 1, stories = stories - old.is_representative WHERE id = old.list_id; END;
CREATE TRIGGER list_members_counted_insert AFTER INSERT ON list_members BEGIN UPDATE lists SET entries = entries + 1, stories = stories + new.is_representative WHERE id = new.list_id; END;
CREATE TRIGGER list_members_counted_update AFTER UPDATE OF is_representative ON list_members WHEN new.is_representative <> old.is_representative BEGIN UPDATE lists SET stories = stories + new.is_representative - old.is_representative WHERE id = new.list_id; END;
