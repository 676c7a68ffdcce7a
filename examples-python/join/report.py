"""A bolt: prints what was joined and what was not."""
from polybolt import Bolt


class Report(Bolt):
    def process(self, tup):
        if tup.stream == "unmatched":
            missing = "payment" if tup["side"] == "orders" else "order"
            print(f"order {tup['order']} has no {missing}")
        else:
            print(f"order {tup['order']}: {tup['drink']}, {tup['cents'] / 100:.2f}, paid by {tup['method']}")


Report.run()
