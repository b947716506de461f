CREATE TABLE `documents` (
	`kind` text NOT NULL,
	`id` text NOT NULL,
	`deployment` text NOT NULL,
	`status` text NOT NULL,
	`created_unix_ns` integer NOT NULL,
	`updated_unix_ns` integer NOT NULL,
	`detail` text NOT NULL,
	PRIMARY KEY(`kind`, `id`)
);
--> statement-breakpoint
CREATE INDEX `documents_by_update` ON `documents` (`kind`,`updated_unix_ns`);--> statement-breakpoint
CREATE TABLE `log_entries` (
	`topic` text NOT NULL,
	`at_unix_ns` integer NOT NULL,
	`subject` text NOT NULL,
	`part` text NOT NULL,
	`deployment` text NOT NULL,
	`detail` text NOT NULL,
	PRIMARY KEY(`topic`, `at_unix_ns`, `subject`, `part`)
);
--> statement-breakpoint
CREATE INDEX `log_by_subject` ON `log_entries` (`topic`,`subject`,`at_unix_ns`);