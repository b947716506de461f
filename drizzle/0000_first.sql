CREATE TABLE `annotations` (
	`id` text PRIMARY KEY NOT NULL,
	`deployment` text NOT NULL,
	`from_unix_ns` integer NOT NULL,
	`to_unix_ns` integer NOT NULL,
	`author` text NOT NULL,
	`text` text NOT NULL,
	`created_unix_ns` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `annotations_by_window` ON `annotations` (`deployment`,`from_unix_ns`);--> statement-breakpoint
CREATE TABLE `batches` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`batch_id` text NOT NULL,
	`received_unix_ns` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `batches_batch_id_unique` ON `batches` (`batch_id`);--> statement-breakpoint
CREATE TABLE `chunks` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`deployment` text NOT NULL,
	`from_unix_ns` integer NOT NULL,
	`to_unix_ns` integer NOT NULL,
	`min_step` integer NOT NULL,
	`max_step` integer NOT NULL,
	`events` integer NOT NULL,
	`blob_bytes` integer NOT NULL,
	`replaced_by` integer,
	`replaces_from` integer,
	`replaces_to` integer,
	`blob` blob NOT NULL
);
--> statement-breakpoint
CREATE INDEX `chunks_by_deployment` ON `chunks` (`deployment`,`to_unix_ns`,`id`,`from_unix_ns`,`replaced_by`);--> statement-breakpoint
CREATE INDEX `chunks_by_end` ON `chunks` (`to_unix_ns`);--> statement-breakpoint
CREATE INDEX `chunks_by_start` ON `chunks` (`from_unix_ns`);--> statement-breakpoint
CREATE INDEX `chunks_replaced` ON `chunks` (`replaced_by`) WHERE replaced_by IS NOT NULL;--> statement-breakpoint
CREATE INDEX `chunks_small` ON `chunks` (`id`,`deployment`,`events`,`from_unix_ns`,`to_unix_ns`) WHERE replaced_by IS NULL AND events < 8192;--> statement-breakpoint
CREATE TABLE `counters` (
	`deployment` text NOT NULL,
	`name` text NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`deployment`, `name`)
);
--> statement-breakpoint
CREATE TABLE `deployment_rollups` (
	`deployment` text NOT NULL,
	`resolution_ns` integer NOT NULL,
	`bucket_start_unix_ns` integer NOT NULL,
	`steps` integer NOT NULL,
	`step_latency_sum_ns` real NOT NULL,
	`step_latency_max_ns` real NOT NULL,
	`tokens` real NOT NULL,
	`period_sum_ns` real NOT NULL,
	`period_count` integer NOT NULL,
	`ideal_period_sum_ns` real NOT NULL,
	`ideal_period_count` integer NOT NULL,
	PRIMARY KEY(`deployment`, `resolution_ns`, `bucket_start_unix_ns`)
);
--> statement-breakpoint
CREATE TABLE `deployments` (
	`deployment` text PRIMARY KEY NOT NULL,
	`topology` text NOT NULL,
	`first_seen_unix_ns` integer NOT NULL,
	`last_seen_unix_ns` integer NOT NULL,
	`events` integer NOT NULL,
	`longest_chunk_ns` integer NOT NULL,
	`longest_metric_chunk_ns` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `meta` (
	`name` text PRIMARY KEY NOT NULL,
	`value` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `metric_chunks` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`deployment` text NOT NULL,
	`from_unix_ns` integer NOT NULL,
	`to_unix_ns` integer NOT NULL,
	`points` integer NOT NULL,
	`blob_bytes` integer NOT NULL,
	`replaced_by` integer,
	`replaces_from` integer,
	`replaces_to` integer,
	`blob` blob NOT NULL
);
--> statement-breakpoint
CREATE INDEX `metric_chunks_by_deployment` ON `metric_chunks` (`deployment`,`to_unix_ns`,`id`,`from_unix_ns`,`replaced_by`);--> statement-breakpoint
CREATE INDEX `metric_chunks_by_end` ON `metric_chunks` (`to_unix_ns`);--> statement-breakpoint
CREATE INDEX `metric_chunks_replaced` ON `metric_chunks` (`replaced_by`) WHERE replaced_by IS NOT NULL;--> statement-breakpoint
CREATE INDEX `metric_chunks_small` ON `metric_chunks` (`id`,`deployment`,`points`,`from_unix_ns`,`to_unix_ns`) WHERE replaced_by IS NULL AND points < 8192;--> statement-breakpoint
CREATE TABLE `pins` (
	`pin_id` text PRIMARY KEY NOT NULL,
	`deployment` text NOT NULL,
	`from_unix_ns` integer NOT NULL,
	`to_unix_ns` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `step_domains` (
	`deployment` text NOT NULL,
	`domain` integer NOT NULL,
	`steps` integer NOT NULL,
	`runs` text NOT NULL,
	PRIMARY KEY(`deployment`, `domain`)
);
--> statement-breakpoint
CREATE TABLE `worker_rollups` (
	`deployment` text NOT NULL,
	`resolution_ns` integer NOT NULL,
	`bucket_start_unix_ns` integer NOT NULL,
	`worker_id` text NOT NULL,
	`group_name` text NOT NULL,
	`role` text NOT NULL,
	`rank` integer NOT NULL,
	`events` integer NOT NULL,
	`window_ns` real NOT NULL,
	`observed_ns` real NOT NULL,
	`active_ns` real NOT NULL,
	`compute_ns` real NOT NULL,
	`transfer_ns` real NOT NULL,
	`wait_ns` real NOT NULL,
	`copy_ns` real NOT NULL,
	`host_ns` real NOT NULL,
	`overlap_ns` real NOT NULL,
	`bubble_ns` real NOT NULL,
	`active_bubble_ns` real NOT NULL,
	`hta_comm_ns` real NOT NULL,
	`hta_overlap_ns` real NOT NULL,
	`exposed_transfer_ns` real NOT NULL,
	`wait_peer_ns` real NOT NULL,
	`bubble_copy_ns` real NOT NULL,
	`bubble_host_ns` real NOT NULL,
	`unattributed_ns` real NOT NULL,
	PRIMARY KEY(`deployment`, `resolution_ns`, `bucket_start_unix_ns`, `worker_id`)
);
--> statement-breakpoint
CREATE TABLE `workers` (
	`deployment` text NOT NULL,
	`group_name` text NOT NULL,
	`rank` integer NOT NULL,
	`role` text NOT NULL,
	`host` text NOT NULL,
	`hw_id` text NOT NULL,
	`incarnation` text NOT NULL,
	`first_seen_unix_ns` integer NOT NULL,
	`last_seen_unix_ns` integer NOT NULL,
	`events` integer NOT NULL,
	PRIMARY KEY(`deployment`, `group_name`, `rank`)
);
