"""E-commerce: connections, customers, orders and their products."""

from penstock.sandbox.activecampaign.makers import words
from penstock.sandbox.activecampaign.makers.fill import fill
from penstock.sandbox.activecampaign.makers.world import Maker, Row, Start, World

_ROLL_UP_EVERY = 3


def connection(world: World, position: int, start: Start) -> Row:
    service = ("shopify", "woocommerce", "custom")[position % 3]
    return fill(world, "connections", start) | {
        "service": service,
        "externalid": f"shop-{position + 1}.example",
        "name": words.COMPANIES[position % len(words.COMPANIES)],
        "isInternal": "1",
        "serviceName": service,
        "listId": "0",
    }


def customer(world: World, position: int, start: Start) -> Row:
    """One per shop and person; every third row is the roll-up of the person before it."""
    roll_up = position % _ROLL_UP_EVERY == _ROLL_UP_EVERY - 1
    shop = "0" if roll_up else world.reference("connections", position)
    orders, revenue = start.dice.below(9), start.dice.below(90_000)
    row = fill(world, "ecommerce_customers", start) | {
        "connectionid": shop,
        "externalid": "0" if roll_up else str(5_000_000 + position),
        "email": f"buyer{position - roll_up}@example.org",
        "totalRevenue": str(revenue * orders),
        "totalOrders": str(orders),
        "totalProducts": str(orders * 2),
        "avgRevenuePerOrder": str(revenue if orders else 0),
        "avgProductCategory": start.dice.pick((None, "", "Tentes")),
        "connection": None if roll_up else shop,
    }
    if "acceptsMarketing" in row:
        row["acceptsMarketing"] = start.dice.pick((None, "0", "1"))
    return row


def order(world: World, position: int, start: Start) -> Row:
    """Amounts are cents, as numbers in some rows and as text in others."""
    dice, clock = start.dice, world.clock
    products = world.children("ecommerce_order_products", "ecommerce_orders", position)
    customer_id = world.any_of("ecommerce_customers", dice)
    shop = world.any_of("connections", dice)
    state, as_text = dice.below(5), dice.chance(40)
    amounts = {
        "state": state,
        "totalPrice": dice.below(90_000),
        "discountAmount": dice.below(500),
        "shippingAmount": dice.below(900),
        "taxAmount": dice.below(5_000),
        "totalProducts": len(products),
    }
    abandoned = state == 2
    row = fill(world, "ecommerce_orders", start) | {
        **{name: str(cents) if as_text else cents for name, cents in amounts.items()},
        "customerid": customer_id,
        "connectionid": shop,
        "source": str(dice.below(2)),
        "externalid": None if abandoned else str(3_000_000_000 + position),
        "email": f"buyer{dice.below(max(world.sizes['ecommerce_customers'], 1))}@example.org",
        "currency": dice.pick(words.CURRENCIES).upper(),
        "externalCreatedDate": clock.offset(start.created),
        "orderProducts": products,
        "customer": customer_id,
        "orderDate": clock.offset(start.created),
        "connection": shop,
    }
    known: Row = {
        "externalcheckoutid": f"co-{position}" if abandoned else None,
        "orderNumber": f"A-{position + 10_000}",
        "abandonedDate": clock.offset(start.updated) if abandoned else dice.pick((None, "")),
        "orderDiscounts": [],
    }
    return row | {name: value for name, value in known.items() if name in row}


def order_product(world: World, position: int, start: Start) -> Row:
    sku, name, category, price = start.dice.pick(words.PRODUCTS)
    order_id = world.reference("ecommerce_orders", position)
    return fill(world, "ecommerce_order_products", start) | {
        "orderid": order_id,
        "connectionid": world.any_of("connections", start.dice),
        "externalid": f"PROD-{start.dice.below(900)}",
        "sku": sku,
        "name": name,
        "price": str(price),
        "quantity": str(start.dice.below(4) + 1),
        "category": category,
        "productUrl": f"https://acme-outdoor.example/p/{sku}",
        "ecomOrder": order_id,
    }


MAKERS: dict[str, Maker] = {
    "connections": connection,
    "ecommerce_customers": customer,
    "ecommerce_orders": order,
    "ecommerce_order_products": order_product,
}
