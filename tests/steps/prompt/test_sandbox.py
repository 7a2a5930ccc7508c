"""A prompt template cannot take the machine: whatever it repeats, it ends soon, small, and with a clear error."""

import resource

import pytest

from ragscout.steps.prompt.render import PromptPassage, check, messages

PASSAGES = [PromptPassage(number, f"Passage {number} says so. " * 40, "Title", "document") for number in (1, 2, 3)]
GROWS = "{% set ns = namespace(x='ab', y=[1], z=3) %}{% for i in range(100) %}"
LIMITED = {
    "loops": "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
    "power": "{{ 10 ** 10 ** 8 ** 8 ** 8 }}",
    "times": "{{ 'a' * 10**10 }}",
    "percent": "{{ '%1000000000d' % 1 }}",
    "percent filter": "{{ '%1000000000d'|format(1) }}",
    "braces": "{{ '{:1000000000}'.format(1) }}",
    "width given": "{{ '{:{w}}'.format(1, w=10**9) }}",
    "map of braces": "{{ '{a:1000000000}'.format_map({'a': 1}) }}",
    "repeated braces": "{{ ('{0}' * 30000).format('x' * 30000) }}",
    "center": "{{ 'x'|center(1000000000) }}",
    "ljust": "{{ 'x'.ljust(1000000000) }}",
    "attr": "{{ 'x'|attr('center')(1000000000) }}",
    "indent": "{{ ('x\n' * 100000)|indent(100000) }}",
    "expandtabs": "{{ ('\t' * 100000).expandtabs(100000) }}",
    "replace": "{{ (' ' * 100000)|replace(' ', ' ' * 100000) }}",
    "replace method": "{{ (' ' * 100000).replace(' ', ' ' * 100000) }}",
    "named replace": "{{ (' ' * 100000)|replace(new=' ' * 100000, old=' ') }}",
    "join": "{{ range(100000)|join('x' * 100000) }}",
    "join method": "{{ ('x' * 100000).join(['a'] * 100000) }}",
    "translate": "{{ ('a' * 100000).translate({97: 'b' * 100000}) }}",
    "wordwrap": "{{ ('a ' * 100000)|wordwrap(1, true, 'b' * 100000) }}",
    "batch": "{{ [1]|batch(1000000000, 'x')|list }}",
    "slice": "{{ [1]|slice(1000000000)|list }}",
    "sum": "{{ ([[1]] * 100000)|sum(start=[])|length }}",
    "joined": GROWS + "{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "added": GROWS + "{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "lists": GROWS + "{% set ns.y = ns.y + ns.y %}{% endfor %}",
    "numbers": GROWS + "{% set ns.z = ns.z * ns.z %}{% endfor %}",
    "blocks": GROWS + "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}{% endfor %}",
    "macro": "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "macro's text": "{% macro d(s) %}{{ s }}{{ s }}{% endmacro %}" + GROWS + "{% set ns.x = d(ns.x) %}{% endfor %}",
    "kept text": "{% macro f() %}{% for i in range(40000) %}"
    + "y" * 150000
    + "{% endfor %}{% endmacro %}{{ f()|length }}",
    "output": "{% set a = 'x' * 1000000 %}{% for i in range(1000) %}{{ a }}{% endfor %}",
    "compared": "{% set a = 'x' * 10000000 %}{% for i in range(40000) %}{% if 'xy' in a %}{% endif %}{% endfor %}",
    "cut": "{% set a = 'x' * 10000000 %}{% for i in range(40000) %}{% set b = a[1:] %}{% endfor %}",
    "folded": "{{ (' '|center(99999))|replace(' ', ' '|center(99999)) }}",
    "sorted": "{% set a = range(100000)|list %}{% for i in range(1000) %}{{ a|sort|first }}{% endfor %}",
}
BROKEN = {
    "parentheses": "{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}",
    "sum of ones": "{{ " + "+".join("1" * 20000) + " }}",
    "ifs": "{% if 1 %}" * 900 + "{% endif %}" * 900,
    "fors": "{% for i in [1] %}" * 50 + "{% endfor %}" * 50,
    "digits": "{{ " + "9" * 6000 + " }}",
    "itself": "{% block a %}{{ self.a() }}{% endblock %}",
    "endless macro": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "endless loop": "{% for x in range(300) recursive %}{{ loop(range(300)) }}{% endfor %}",
    "chance": "{{ [1, 2]|random }}",
    "too long": "x" * 200_001,
}


def rendered(template: str) -> str:
    return messages(
        "{{ question }}" + template,
        question="Why?",
        passages=PASSAGES,
        language="en",
        citations="none",
        retrieval=True,
    )[0].content


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", LIMITED)
def test_what_repeats_too_much_is_refused_before_it_is_made(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"does more than a prompt needs.* Make the template simpler\.$"):
        rendered(LIMITED[name])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500 << 10, "kilobytes"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_or_never_ends_is_a_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"the prompt (is|cannot)") as caught:
        rendered(BROKEN[name])
    assert len(str(caught.value)) < 300
    with pytest.raises(ValueError, match="the prompt"):
        check(BROKEN[name])


def test_what_prompts_do_costs_little() -> None:
    template = """
    {% macro shown(p) %}[{{ p.number }}] {{ p.text|trim|truncate(5000)|indent(2) }}{% endmacro %}
    {% for p in passages %}{% if loop.index <= 2 and p.text != "" %}{{ shown(p) }}{% if not loop.last %}--{% endif %}
    {% endif %}{% else %}none{% endfor %}
    {% set heads = passages|map(attribute='title')|join(', ') %}{{ heads|upper }} {{ passages|length }}
    {% for part in passages|batch(2) %}{{ part|length }}{% endfor %} {{ "**%s** has {0} of 12345"|format(question) }}
    {{ "{0:>8}".format("x") }} {{ question[1:] ~ '-' * 3 }} {{ 7 % 4 + 2 ** 3 }}
    {{ passages[0].text|replace('says', 'tells')|wordcount }}
    {% for a, b in {'k': 'v'}.items() %}{{ a }}{{ b }}{% endfor %}
    """
    text = rendered(template)
    assert text.startswith("Why?") and "[1] Passage 1 says so." in text and "[3]" not in text
    assert (
        "TITLE, TITLE, TITLE 3" in text and "21 **Why?** has" in text and "       x hy?--- 11" in text and "kv" in text
    )


def test_long_passages_are_no_reason() -> None:
    long = [PromptPassage(number, "word " * 20_000, "t", "d") for number in range(100)]
    template = "{{ question }}{% for p in passages %}{{ p.text|trim }}{% endfor %}"
    made = messages(template, question="q", passages=long[:90], language="en", citations="none", retrieval=True)
    assert len(made[0].content) > 8_000_000
    with pytest.raises(ValueError, match="does more than a prompt needs"):
        messages(template * 2, question="q", passages=long, language="en", citations="none", retrieval=True)


def test_what_is_spent_is_spent_by_one_prompt_only() -> None:
    template = "{% for i in range(30000) %}{% endfor %}"
    assert [rendered(template) for _ in range(3)] == ["Why?"] * 3
