CREATE TABLE `ingest_marks` (
	`deployment` text NOT NULL,
	`length_s` integer NOT NULL,
	`start_unix_s` integer NOT NULL,
	`reason` text NOT NULL,
	`events` integer NOT NULL,
	PRIMARY KEY(`deployment`, `length_s`, `start_unix_s`, `reason`)
);
--> statement-breakpoint
CREATE INDEX `ingest_marks_by_start` ON `ingest_marks` (`length_s`,`start_unix_s`);
