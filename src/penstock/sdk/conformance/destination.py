"""The suite that every SQL destination must pass."""

from penstock.sdk.conformance.changes import Changes
from penstock.sdk.conformance.children import Children
from penstock.sdk.conformance.columns import Columns
from penstock.sdk.conformance.deletes import Deletes
from penstock.sdk.conformance.delivery import Delivery
from penstock.sdk.conformance.generations import Generations
from penstock.sdk.conformance.merging import Merging
from penstock.sdk.conformance.reading_back import ReadingBack
from penstock.sdk.conformance.shapes import Shapes
from penstock.sdk.conformance.switching import Switching
from penstock.sdk.conformance.versions import Versions


class DestinationSuite(
    Merging,
    Deletes,
    Children,
    Changes,
    Versions,
    Switching,
    Columns,
    Shapes,
    Delivery,
    Generations,
    ReadingBack,
):
    """Subclass it as `TestName` and give the fixture `opened`.

    The fixture answers with a function that opens the destination anew, always on the same
    place, which is empty when the test begins; what it opened is closed by the suite.

        class TestMySql(DestinationSuite):
            @pytest.fixture
            def opened(self, mysql_url):
                return lambda: MySql(Config(url=mysql_url))

    Tests of a write mode that is not declared are left out, and the mode must be refused.
    """
