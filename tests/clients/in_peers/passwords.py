"""Nova and openstacksdk with a user and a password, against a server that asks for them.

Run by run.py in the environment of the peers; NOVA_CONF_HTTP_BASIC has the right password.
"""

import os

# First, as it says there.
from nova_report_client import NovaTest, configure

# isort: split
import openstack
import requests
from nova.scheduler.client import report
from openstack import exceptions

NOVA_CONF = os.environ["NOVA_CONF_HTTP_BASIC"]
USERNAME, PASSWORD = "operator", "open sesame"


class HttpBasic(NovaTest):
    """The right password opens, a wrong one does not."""

    def test_nova(self) -> None:
        configure(NOVA_CONF)
        client = report.SchedulerReportClient()
        made = client.post("/resource_providers", {"name": "by-nova"}, version="1.20")
        assert made.json()["generation"] == 0

    def test_nova_with_a_wrong_password(self) -> None:
        configure(NOVA_CONF.replace(PASSWORD, "wrong"))
        client = report.SchedulerReportClient()
        assert (
            client.get("/resource_classes", version="1.2").status_code
            == requests.codes.unauthorized
        )

    def test_openstacksdk(self) -> None:
        made = self.sdk(PASSWORD).create_resource_provider(name="by-sdk")
        assert made.generation == 0

    def test_openstacksdk_with_a_wrong_password(self) -> None:
        with self.assertRaises(exceptions.HttpException) as caught:
            list(self.sdk("wrong").traits())
        assert caught.exception.status_code == requests.codes.unauthorized

    def sdk(self, password: str) -> object:
        return openstack.connect(
            auth_type="http_basic",
            endpoint=os.environ["PLACEMENT_URL"],
            username=USERNAME,
            password=password,
        ).placement
