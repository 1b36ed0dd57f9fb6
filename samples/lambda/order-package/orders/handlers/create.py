"""The handler orders.handlers.create.handler: a package with modules of its own."""
import dataclasses

from ..prices import total


@dataclasses.dataclass
class Order:
    customer: str
    items: dict
    cents: int


def handler(event, context):
    order = Order(event["customer"], event["items"], total(event["items"]))
    return {**dataclasses.asdict(order), "function": context.function_name.split("-")[0]}
