-- expand: a slug leads to one series; where two share one already, revise one of them first
CREATE UNIQUE INDEX series_view_slug_once ON series_view (slug);
DROP INDEX series_view_slug;
