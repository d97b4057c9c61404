"""What runs on the machine of a job: gets code and environment, runs the script, reports.

It needs Python 3.10 and nothing else, and imports no other part of Runyard: it is sent as a zip of its own
(:mod:`runyard.agent.archive`) to machines where no Runyard is installed. So what it knows of a script's
process and of its console it has itself, although ``runyard run`` (:mod:`runyard.sdk.script`) knows it too:
that one lives in the user's own session with the SDK's spool below it, and the agent must need neither. The
words are the same in both, and ``tests/agent/test_same_words.py`` holds them together.
"""
