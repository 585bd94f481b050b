"""What played providers are asked and say, and what every script needs to check it."""

from pydantic import BaseModel

TEXT = "Grüße aus Łódź ☀"
THOUGHT = "Let me see…"
WEATHER = {"Paris": "18 degrees", "Oslo": "4 degrees"}
TOLD = "Paris: 18 degrees; Oslo: 4 degrees"
DATA, ADDRESS = "iVBORw0KGgo=", "https://pictures.example/cat.png"
IMAGE = f"data:image/png;base64,{DATA}"
GREETING = [{"role": "user", "content": "Good morning"}]
BRIEF = [{"role": "system", "content": "Be brief."}, *GREETING]
ASKED = [{"role": "user", "content": "Is it warmer in Paris or in Oslo?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "The weather of a city", "parameters": SCHEMA}
CHAT_TOOLS = [{"type": "function", "function": FUNCTION}]
RESPONSES_TOOLS = [{"type": "function", "strict": False, **FUNCTION}]
MESSAGES_TOOLS = [{"name": "get_weather", "description": "The weather of a city", "input_schema": SCHEMA}]


class City(BaseModel):
    city: str


def expect(kind, action):
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")
