"""Names for runs that nobody named, as ``quiet-otter-417``."""

from __future__ import annotations

import random

_ADJECTIVES = """
able amber ample apt awake balmy bold brave brief bright brisk calm candid careful cheerful clean
clever cosy crisp curious daring deft eager early easy fair fancy fast fond frank fresh gentle glad
golden grand happy hardy honest humble jolly keen kind lively loyal lucky mellow merry mild modest
neat noble patient plucky polite proud quick quiet ready robust rosy sharp shy silent sleek smart
snug steady sunny swift tidy upbeat vivid warm wise witty zesty
""".split()  # noqa: SIM905 -- a list of quoted words is three times as long to read
_NOUNS = """
alder ant badger bat bear beaver birch bison boar carp cedar cheetah cod crane crow deer dolphin
dove duck eagle eel elk elm falcon fern finch fox frog gecko goat goose gull hare hawk heron horse
ibis ivy jay kite koala lark lemur lion lizard llama lynx maple marten mole moose moth newt oak orca
otter owl panda perch pike pine plover puffin quail rabbit raven robin salmon seal shark sheep shrew
sloth snail sparrow spruce squid stork swan tapir tern tiger toad trout turtle vole walrus weasel
whale willow wolf wren yak zebra
""".split()  # noqa: SIM905 -- a list of quoted words is three times as long to read
_source = random.SystemRandom()


def random_name() -> str:
    """Return a name that a person can say and remember; it need not be unique."""
    return f"{_source.choice(_ADJECTIVES)}-{_source.choice(_NOUNS)}-{_source.randrange(1000)}"
