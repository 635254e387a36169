"""What the events service records and what it reads from."""

from services.events import registration_list, series, series_list, session, session_list

DECIDERS = (series.DECIDER, session.DECIDER)
PROJECTIONS = (series_list.PROJECTION, session_list.PROJECTION, registration_list.PROJECTION)
