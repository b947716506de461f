ALTER TABLE `worker_rollups` ADD `a2f_network_ns` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `worker_rollups` ADD `fan_in_ns` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `worker_rollups` ADD `peer_queue_ns` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `worker_rollups` ADD `peer_compute_ns` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `worker_rollups` ADD `load_excess_ns` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `worker_rollups` ADD `device_excess_ns` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `worker_rollups` ADD `f2a_network_ns` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `worker_rollups` ADD `peer_host_ns` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `worker_rollups` ADD `fill_drain_ns` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `worker_rollups` ADD `unknown_cause_ns` real DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE `worker_rollups` SET `unknown_cause_ns` = `wait_peer_ns`;
