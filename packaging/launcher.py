"""What the services of an installed LeadHub start by, as `leadhub` is in a checkout: Python puts its folder first."""

import sys

from cli.main import main

main(sys.argv[1:])
