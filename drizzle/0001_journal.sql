CREATE TABLE `journal` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`seq` integer NOT NULL,
	`deployment` text NOT NULL,
	`from_unix_ns` integer NOT NULL,
	`to_unix_ns` integer NOT NULL,
	`events` integer NOT NULL,
	`blob_bytes` integer NOT NULL,
	`blob` blob NOT NULL
);
--> statement-breakpoint
CREATE INDEX `journal_by_deployment` ON `journal` (`deployment`,`id`,`seq`,`from_unix_ns`,`to_unix_ns`,`events`,`blob_bytes`);--> statement-breakpoint
CREATE TABLE `journal_workers` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`info` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `packed_chunks` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`deployment` text NOT NULL,
	`group_name` text NOT NULL,
	`rank` integer NOT NULL,
	`from_unix_ns` integer NOT NULL,
	`to_unix_ns` integer NOT NULL,
	`steps` integer NOT NULL,
	`events` integer NOT NULL,
	`seq` integer NOT NULL,
	`blob_bytes` integer NOT NULL,
	`replaced_by` integer,
	`replaces_from` integer,
	`replaces_to` integer,
	`blob` blob NOT NULL
);
--> statement-breakpoint
CREATE INDEX `packed_chunks_by_deployment` ON `packed_chunks` (`deployment`,`to_unix_ns`,`id`,`from_unix_ns`,`replaced_by`,`group_name`,`rank`);--> statement-breakpoint
CREATE INDEX `packed_chunks_by_worker` ON `packed_chunks` (`deployment`,`group_name`,`rank`,`to_unix_ns`,`id`,`from_unix_ns`,`replaced_by`);--> statement-breakpoint
CREATE INDEX `packed_chunks_by_end` ON `packed_chunks` (`to_unix_ns`);--> statement-breakpoint
CREATE INDEX `packed_chunks_by_start` ON `packed_chunks` (`from_unix_ns`);--> statement-breakpoint
CREATE INDEX `packed_chunks_by_seq` ON `packed_chunks` (`seq`) WHERE replaced_by IS NULL;--> statement-breakpoint
CREATE INDEX `packed_chunks_replaced` ON `packed_chunks` (`replaced_by`) WHERE replaced_by IS NOT NULL;--> statement-breakpoint
CREATE INDEX `packed_chunks_small` ON `packed_chunks` (`id`,`deployment`,`group_name`,`rank`,`events`,`from_unix_ns`,`to_unix_ns`,`seq`) WHERE replaced_by IS NULL AND events < 8192;--> statement-breakpoint
CREATE TABLE `stage_rollups` (
	`deployment` text NOT NULL,
	`resolution_ns` integer NOT NULL,
	`bucket_start_unix_ns` integer NOT NULL,
	`worker_id` text NOT NULL,
	`group_name` text NOT NULL,
	`role` text NOT NULL,
	`rank` integer NOT NULL,
	`blob` blob NOT NULL,
	PRIMARY KEY(`deployment`, `resolution_ns`, `bucket_start_unix_ns`, `worker_id`)
);
--> statement-breakpoint
CREATE TABLE `stale_rollups` (
	`deployment` text NOT NULL,
	`kind` text NOT NULL,
	`resolution_ns` integer NOT NULL,
	`bucket_start_unix_ns` integer NOT NULL,
	PRIMARY KEY(`deployment`, `kind`, `resolution_ns`, `bucket_start_unix_ns`)
);
--> statement-breakpoint
CREATE INDEX `stale_rollups_by_start` ON `stale_rollups` (`bucket_start_unix_ns`);--> statement-breakpoint
DROP INDEX `chunks_small`;--> statement-breakpoint
ALTER TABLE `chunks` ADD `seq` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `chunks_by_seq` ON `chunks` (`seq`) WHERE seq > 0 AND replaced_by IS NULL;--> statement-breakpoint
CREATE INDEX `chunks_small` ON `chunks` (`id`,`deployment`,`events`,`from_unix_ns`,`to_unix_ns`,`seq`) WHERE replaced_by IS NULL AND events < 8192;