CREATE TABLE `imports` (
	`id` text PRIMARY KEY NOT NULL,
	`created_unix_ns` integer NOT NULL,
	`state` text NOT NULL,
	`content_key` text NOT NULL,
	`detail` text NOT NULL
);
