"""How fast Orgdesk is: `python -m tests.bench --organizations 100000`."""
