"""The orchestrator's ambient agent: it watches over refunds, stock and runs that do not come to an end."""
