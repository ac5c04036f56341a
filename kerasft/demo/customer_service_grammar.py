"""Grammar of the synthetic customer-service dataset: tables of phrases.

`{ORDER}`, `{PRODUCT}` and so on are placeholders for entities. `{yes}` and `{no}` in a contrast are placeholders for phrases
of two intents; the text's label is the intent of `{yes}`. Contrasts exist in both orders and their phrases can be swapped,
so the same bag of words occurs with two labels.
"""

SHARES = {
    "order_status": 0.22,
    "refund": 0.16,
    "change_address": 0.13,
    "cancel_order": 0.11,
    "payment_problem": 0.09,
    "damaged_item": 0.08,
    "delivery_options": 0.06,
    "account_access": 0.05,
    "product_question": 0.04,
    "complaint": 0.03,
    "speak_to_agent": 0.03,
}

# Verb phrases that follow "I want to".
ACTIONS = {
    "order_status": (
        "know where my parcel is",
        "track order {ORDER}",
        "find out when my {PRODUCT} will arrive",
        "track my parcel",
        "check the status of my order",
    ),
    "refund": (
        "get a refund",
        "get my money back",
        "get {AMOUNT} back",
        "ask for a refund of {AMOUNT}",
        "return the {PRODUCT} and get my money back",
    ),
    "change_address": (
        "change the address",
        "change my delivery address to {CITY}",
        "send order {ORDER} to another address",
        "update my address",
        "correct the street on my order",
    ),
    "cancel_order": (
        "cancel my order",
        "cancel order {ORDER}",
        "stop the order for the {PRODUCT}",
        "cancel the {PRODUCT}",
        "withdraw my order from {DATE}",
    ),
    "payment_problem": (
        "pay by card",
        "fix a payment of {AMOUNT} that failed",
        "pay {AMOUNT} for order {ORDER}",
        "correct a double charge",
        "fix a problem with my payment",
    ),
    "damaged_item": (
        "report a broken {PRODUCT}",
        "replace a damaged {PRODUCT}",
        "exchange an item that arrived broken",
        "report damage to my order {ORDER}",
        "have my cracked {PRODUCT} replaced",
    ),
    "delivery_options": (
        "choose express shipping",
        "pick up my parcel at a shop",
        "have it delivered on {DATE}",
        "know what shipping to {CITY} costs",
        "book an evening delivery",
    ),
    "account_access": (
        "log in",
        "reset my password",
        "unlock my account",
        "get into my account {EMAIL}",
        "sign in with {EMAIL}",
    ),
    "product_question": (
        "ask if the {PRODUCT} is waterproof",
        "know the size of the {PRODUCT}",
        "know if you have the {PRODUCT} in blue",
        "compare the {PRODUCT} with the {PRODUCT}",
        "ask what the {PRODUCT} is made of",
    ),
    "complaint": (
        "complain about your service",
        "make a complaint",
        "complain about the driver in {CITY}",
        "file a complaint about your staff",
    ),
    "speak_to_agent": (
        "talk to a person",
        "speak to a human",
        "talk to someone from your team",
        "be called back by an agent",
    ),
}

# Noun phrases that follow "this is about".
TOPICS = {
    "order_status": ("the whereabouts of my parcel", "the status of order {ORDER}", "tracking my {PRODUCT}"),
    "refund": ("my refund", "the refund of {AMOUNT}", "getting my money back"),
    "change_address": ("my new address", "the address on order {ORDER}", "moving to {CITY}"),
    "cancel_order": ("a cancellation", "cancelling order {ORDER}", "stopping my order"),
    "payment_problem": ("a failed payment", "the charge of {AMOUNT}", "my card payment"),
    "damaged_item": ("a broken {PRODUCT}", "the damage to my {PRODUCT}", "a cracked item"),
    "delivery_options": ("express shipping", "shipping costs to {CITY}", "evening delivery"),
    "account_access": ("my password", "the login for {EMAIL}", "my locked account"),
    "product_question": ("the size of the {PRODUCT}", "the colours of the {PRODUCT}", "what the {PRODUCT} is made of"),
    "complaint": ("a complaint", "the rude driver in {CITY}", "your bad service"),
    "speak_to_agent": ("a call from an agent", "talking to a human", "a callback"),
}

# Noun phrases: things that a customer waits for.
AWAITED = {
    "order_status": ("the parcel", "my {PRODUCT}", "order {ORDER}", "the item"),
    "refund": ("the refund", "my money", "the {AMOUNT} refund"),
    "account_access": ("the reset link", "the login code", "the password email to {EMAIL}"),
    "damaged_item": ("the replacement for the broken {PRODUCT}", "the exchange item for the cracked one"),
    "speak_to_agent": ("the call from your agent", "the callback"),
}

# Verb phrases: things that a customer can or cannot do.
ABILITIES = {
    "order_status": ("track my parcel", "see where order {ORDER} is"),
    "change_address": ("change the address", "update my street"),
    "cancel_order": ("cancel my order", "cancel the {PRODUCT}"),
    "payment_problem": ("pay by card", "pay the {AMOUNT}"),
    "account_access": ("log in", "open my account"),
    "delivery_options": ("choose a delivery day", "select express shipping"),
    "speak_to_agent": ("reach a human", "talk to an agent"),
}

# (the table that fills the frames, the frames), with two intents
CONTRASTS = (
    (
        ACTIONS,
        (
            "I don't want to {no}, I want to {yes}",
            "I don't need to {no}, I want to {yes}",
            "I want to {yes} rather than {no}",
        ),
    ),
    (
        TOPICS,
        (
            "this is not about {no}, it is about {yes}",
            "this is about {yes} rather than {no}",
        ),
    ),
    (AWAITED, ("{no} arrived but {yes} didn't", "I got {no} but not {yes}")),
    (ABILITIES, ("I can {no} but I can't {yes}",)),
)

# (the table that fills the frames, the frames), with one intent
PLAIN = (
    (
        ACTIONS,
        (
            "I want to {yes}",
            "I would like to {yes}",
            "can I {yes}?",
            "how can I {yes}?",
            "I need to {yes}",
            "is it possible to {yes}?",
            "please help me {yes}",
        ),
    ),
    (TOPICS, ("I have a question about {yes}", "this is about {yes}", "I am writing about {yes}", "it is about {yes}")),
    (
        AWAITED,
        ("{yes} didn't arrive", "I am still waiting for {yes}", "where is {yes}?", "{yes} has not arrived yet"),
    ),
    (ABILITIES, ("I can't {yes}", "your site won't let me {yes}", "why can't I {yes}?")),
)

# Full sentences without a frame.
SENTENCES = {
    "order_status": ("my {PRODUCT} was due on {DATE}, where is it?", "has order {ORDER} left your warehouse?"),
    "refund": ("you still owe me {AMOUNT}", "I sent the {PRODUCT} back on {DATE}, where is my money?"),
    "change_address": ("I moved to {CITY}", "you have my old street, I live in {CITY} now"),
    "cancel_order": ("please stop order {ORDER}, I ordered it by mistake", "I don't need the {PRODUCT} anymore"),
    "payment_problem": ("you charged me {AMOUNT} twice", "my card was declined"),
    "damaged_item": ("the {PRODUCT} arrived broken", "my {PRODUCT} has a crack", "the {PRODUCT} does not turn on"),
    "delivery_options": ("do you ship to {CITY}?", "can it come before {DATE}?", "how much is express shipping?"),
    "account_access": ("I forgot my password", "my account {EMAIL} is locked"),
    "product_question": ("does the {PRODUCT} come in blue?", "is the {PRODUCT} waterproof?"),
    "complaint": ("your service is a disgrace", "your driver in {CITY} was rude"),
    "speak_to_agent": ("give me a human", "no more bots, a real person please"),
}

GREETINGS = (
    "hi",
    "hello",
    "hey there",
    "good morning",
    "hello team",
    "hi, hope you are well",
    "good evening",
    "sorry to bother you",
    "long-time customer here",
)
CLOSINGS = ("thanks", "thank you", "thanks a lot", "please hurry", "best regards", "cheers", "many thanks in advance")
# Sentences that fit every intent: they contain entities but no intent.
CONTEXTS = (
    "I ordered a {PRODUCT} on {DATE}",
    "my order number is {ORDER}",
    "I live in {CITY}",
    "I paid {AMOUNT}",
    "my email is {EMAIL}",
    "I wrote to you on {DATE}",
    "it is order {ORDER} for {AMOUNT}",
    "I bought the {PRODUCT} in {CITY}",
)

PRODUCTS = (
    "lamp", "coffee machine", "rucksack", "desk chair", "phone case", "toaster", "sleeping bag", "bike helmet",
    "keyboard", "rain jacket", "tent", "water bottle", "headset", "blender", "kettle", "office lamp",
)  # fmt: skip
CITIES = (
    "Berlin", "Zürich", "Kraków", "Paris", "New York", "Porto", "Leeds", "Dublin", "Malmö", "Lyon", "San José",
    "Vienna", "Ghent", "Oslo",
)  # fmt: skip
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIRST_NAMES = ("anna", "ben", "chloe", "dario", "emma", "farid", "grace", "hugo", "ines", "jonas", "kim", "lena")
MAIL_HOSTS = ("example.com", "example.org", "mail.example.net")
