-- expand: reminders of a day are found without looking at those of later ones
CREATE INDEX undertaking_reminder_days ON undertaking_reminder USING gist (daterange(remind_on, due_on, '[]'));
DROP INDEX undertaking_reminder_due;
