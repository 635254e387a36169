-- contract: what is to be reported is found by message_to_report
DROP INDEX message_unreported;
