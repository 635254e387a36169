"""What became of a message."""

from services.notify.delivery import DELIVERY, Message, MessageBounced, MessageDelivered, RecordBounce, RecordDelivery
from shared.contracts import notify as contracts
from shared.kernel.testing import NOON, given

MESSAGE = Message(message_id="m", kind="postponement", cause="session-s@7", person_id="p", session_id="s")
delivered = MessageDelivered(message=MESSAGE, at=NOON)
bounced = MessageBounced(message=MESSAGE, reason="refused", status="5.1.1", at=NOON)
deliver = RecordDelivery(message=MESSAGE)
bounce = RecordBounce(message=MESSAGE, reason="refused", status="5.1.1")


def test_each_end_is_recorded_once() -> None:
    given(DELIVERY).when(deliver).then([delivered])
    given(DELIVERY).when(bounce).then([bounced])


def test_a_report_of_failure_may_follow_a_delivery_not_the_reverse() -> None:
    given(DELIVERY, [delivered]).when(bounce).then([bounced])
    given(DELIVERY, [bounced]).when(deliver).nothing()


def test_others_learn_ids_only() -> None:
    assert DELIVERY.publish(bounced) == contracts.MessageBounced(
        message_id="m",
        kind="postponement",
        channel="email",
        cause="session-s@7",
        person_id="p",
        session_id="s",
        reason="refused",
        status="5.1.1",
    )
    fields = set(contracts.MessageDelivered.model_fields) | set(contracts.MessageBounced.model_fields)
    assert not fields & {"email", "name", "token", "address"}
