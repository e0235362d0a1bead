"""Telegram's updates as the Bot API document (10.1) describes them, and strategies that make them.

The table has the form of `tests.emulators.telegram_schema`: `name:type`, with `!` for what is always there. Objects
that are not in it come as any object at all.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.emulators.telegram_schema import parameters
from tests.fuzz.damage import NASTY_NUMBERS, any_text, any_value, damaged
from tests.fuzz.wording import actions, commands, said

OBJECTS = {
    "Update": "update_id:int! message:Message edited_message:Message channel_post:Message"
    " edited_channel_post:Message business_connection:BusinessConnection business_message:Message"
    " edited_business_message:Message deleted_business_messages:BusinessMessagesDeleted"
    " guest_message:Message message_reaction:MessageReactionUpdated"
    " message_reaction_count:MessageReactionCountUpdated inline_query:InlineQuery"
    " chosen_inline_result:ChosenInlineResult callback_query:CallbackQuery shipping_query:ShippingQuery"
    " pre_checkout_query:PreCheckoutQuery purchased_paid_media:PaidMediaPurchased poll:Poll"
    " poll_answer:PollAnswer my_chat_member:ChatMemberUpdated chat_member:ChatMemberUpdated"
    " chat_join_request:ChatJoinRequest chat_boost:ChatBoostUpdated removed_chat_boost:ChatBoostRemoved"
    " managed_bot:ManagedBotUpdated",
    "Message": "message_id:int! message_thread_id:int direct_messages_topic:DirectMessagesTopic from:User"
    " sender_chat:Chat sender_boost_count:int sender_business_bot:User sender_tag:str date:int!"
    " guest_query_id:str business_connection_id:str chat:Chat! forward_origin:MessageOrigin"
    " is_topic_message:bool is_automatic_forward:bool reply_to_message:Message"
    " external_reply:ExternalReplyInfo quote:TextQuote reply_to_story:Story reply_to_checklist_task_id:int"
    " reply_to_poll_option_id:str via_bot:User guest_bot_caller_user:User guest_bot_caller_chat:Chat"
    " edit_date:int has_protected_content:bool is_from_offline:bool is_paid_post:bool media_group_id:str"
    " author_signature:str paid_star_count:int text:str entities:[MessageEntity]"
    " link_preview_options:LinkPreviewOptions suggested_post_info:SuggestedPostInfo effect_id:str"
    " rich_message:RichMessage animation:Animation audio:Audio document:Document live_photo:LivePhoto"
    " paid_media:PaidMediaInfo photo:[PhotoSize] sticker:Sticker story:Story video:Video"
    " video_note:VideoNote voice:Voice caption:str caption_entities:[MessageEntity]"
    " show_caption_above_media:bool has_media_spoiler:bool checklist:Checklist contact:Contact dice:Dice"
    " game:Game poll:Poll venue:Venue location:Location new_chat_members:[User] left_chat_member:User"
    " chat_owner_left:ChatOwnerLeft chat_owner_changed:ChatOwnerChanged new_chat_title:str"
    " new_chat_photo:[PhotoSize] delete_chat_photo:bool group_chat_created:bool"
    " supergroup_chat_created:bool channel_chat_created:bool"
    " message_auto_delete_timer_changed:MessageAutoDeleteTimerChanged migrate_to_chat_id:int"
    " migrate_from_chat_id:int pinned_message:Message invoice:Invoice successful_payment:SuccessfulPayment"
    " refunded_payment:RefundedPayment users_shared:UsersShared chat_shared:ChatShared gift:GiftInfo"
    " unique_gift:UniqueGiftInfo gift_upgrade_sent:GiftInfo connected_website:str"
    " write_access_allowed:WriteAccessAllowed passport_data:PassportData"
    " proximity_alert_triggered:ProximityAlertTriggered boost_added:ChatBoostAdded"
    " chat_background_set:ChatBackground checklist_tasks_done:ChecklistTasksDone"
    " checklist_tasks_added:ChecklistTasksAdded direct_message_price_changed:DirectMessagePriceChanged"
    " forum_topic_created:ForumTopicCreated forum_topic_edited:ForumTopicEdited"
    " forum_topic_closed:ForumTopicClosed forum_topic_reopened:ForumTopicReopened"
    " general_forum_topic_hidden:GeneralForumTopicHidden"
    " general_forum_topic_unhidden:GeneralForumTopicUnhidden giveaway_created:GiveawayCreated"
    " giveaway:Giveaway giveaway_winners:GiveawayWinners giveaway_completed:GiveawayCompleted"
    " managed_bot_created:ManagedBotCreated paid_message_price_changed:PaidMessagePriceChanged"
    " poll_option_added:PollOptionAdded poll_option_deleted:PollOptionDeleted"
    " suggested_post_approved:SuggestedPostApproved"
    " suggested_post_approval_failed:SuggestedPostApprovalFailed"
    " suggested_post_declined:SuggestedPostDeclined suggested_post_paid:SuggestedPostPaid"
    " suggested_post_refunded:SuggestedPostRefunded video_chat_scheduled:VideoChatScheduled"
    " video_chat_started:VideoChatStarted video_chat_ended:VideoChatEnded"
    " video_chat_participants_invited:VideoChatParticipantsInvited web_app_data:WebAppData"
    " reply_markup:InlineKeyboardMarkup",
    "CallbackQuery": "id:str! from:User! message:Message inline_message_id:str chat_instance:str! data:str"
    " game_short_name:str",
    "User": "id:int! is_bot:bool! first_name:str! last_name:str username:str language_code:str is_premium:bool"
    " added_to_attachment_menu:bool can_join_groups:bool can_read_all_group_messages:bool"
    " supports_guest_queries:bool supports_inline_queries:bool can_connect_to_business:bool"
    " has_main_web_app:bool has_topics_enabled:bool allows_users_to_create_topics:bool"
    " can_manage_bots:bool supports_join_request_queries:bool",
    "Chat": "id:int! type:str! title:str username:str first_name:str last_name:str is_forum:bool"
    " is_direct_messages:bool",
    "MessageEntity": "type:str! offset:int! length:int! url:str user:User language:str custom_emoji_id:str"
    " unix_time:int"
    " date_time_format:str",
    "PhotoSize": "file_id:str! file_unique_id:str! width:int! height:int! file_size:int",
    "Animation": "file_id:str! file_unique_id:str! width:int! height:int! duration:int! thumbnail:PhotoSize"
    " file_name:str mime_type:str file_size:int",
    "Audio": "file_id:str! file_unique_id:str! duration:int! performer:str title:str file_name:str mime_type:str"
    " file_size:int thumbnail:PhotoSize",
    "Document": "file_id:str! file_unique_id:str! thumbnail:PhotoSize file_name:str mime_type:str file_size:int",
    "Video": "file_id:str! file_unique_id:str! width:int! height:int! duration:int! thumbnail:PhotoSize"
    " cover:[PhotoSize] start_timestamp:int qualities:[VideoQuality] file_name:str mime_type:str"
    " file_size:int",
    "VideoNote": "file_id:str! file_unique_id:str! length:int! duration:int! thumbnail:PhotoSize file_size:int",
    "Voice": "file_id:str! file_unique_id:str! duration:int! mime_type:str file_size:int",
    "Sticker": "file_id:str! file_unique_id:str! type:str! width:int! height:int! is_animated:bool! is_video:bool!"
    " thumbnail:PhotoSize emoji:str set_name:str premium_animation:File mask_position:MaskPosition"
    " custom_emoji_id:str needs_repainting:bool file_size:int",
    "Contact": "phone_number:str! first_name:str! last_name:str user_id:int vcard:str",
    "Dice": "emoji:str! value:int!",
    "Location": "latitude:float! longitude:float! horizontal_accuracy:float live_period:int heading:int"
    " proximity_alert_radius:int",
    "Venue": "location:Location! title:str! address:str! foursquare_id:str foursquare_type:str google_place_id:str"
    " google_place_type:str",
    "Poll": "id:str! question:str! question_entities:[MessageEntity] options:[PollOption]! total_voter_count:int!"
    " is_closed:bool! is_anonymous:bool! type:str! allows_multiple_answers:bool! allows_revoting:bool!"
    " members_only:bool! country_codes:[str] correct_option_ids:[int] explanation:str"
    " explanation_entities:[MessageEntity] explanation_media:PollMedia open_period:int close_date:int"
    " description:str description_entities:[MessageEntity] media:PollMedia",
    "PollOption": "persistent_id:str! text:str! text_entities:[MessageEntity] media:PollMedia voter_count:int!"
    " added_by_user:User added_by_chat:Chat addition_date:int",
    "Story": "chat:Chat! id:int!",
    "Game": "title:str! description:str! photo:[PhotoSize]! text:str text_entities:[MessageEntity] animation:Animation",
    "Invoice": "title:str! description:str! start_parameter:str! currency:str! total_amount:int!",
    "PaidMediaInfo": "star_count:int! paid_media:[PaidMedia]!",
    "Checklist": "title:str! title_entities:[MessageEntity] tasks:[ChecklistTask]! others_can_add_tasks:bool"
    " others_can_mark_tasks_as_done:bool",
    "ChecklistTask": "id:int! text:str! text_entities:[MessageEntity] completed_by_user:User completed_by_chat:Chat"
    " completion_date:int",
    "TextQuote": "text:str! entities:[MessageEntity] position:int! is_manual:bool",
    "LinkPreviewOptions": "is_disabled:bool url:str prefer_small_media:bool prefer_large_media:bool"
    " show_above_text:bool",
    "InlineKeyboardMarkup": "inline_keyboard:[[InlineKeyboardButton]]!",
    "InlineKeyboardButton": "text:str! icon_custom_emoji_id:str style:str url:str callback_data:str web_app:WebAppInfo"
    " login_url:LoginUrl switch_inline_query:str switch_inline_query_current_chat:str"
    " switch_inline_query_chosen_chat:SwitchInlineQueryChosenChat copy_text:CopyTextButton"
    " callback_game:CallbackGame pay:bool",
    "ForumTopicCreated": "name:str! icon_color:int! icon_custom_emoji_id:str is_name_implicit:bool",
    "SuccessfulPayment": "currency:str! total_amount:int! invoice_payload:str! subscription_expiration_date:int"
    " is_recurring:bool is_first_recurring:bool shipping_option_id:str order_info:OrderInfo"
    " telegram_payment_charge_id:str! provider_payment_charge_id:str!",
    "DirectMessagesTopic": "topic_id:int! user:User",
    "MessageReactionUpdated": "chat:Chat! message_id:int! user:User actor_chat:Chat date:int!"
    " old_reaction:[ReactionType]!"
    " new_reaction:[ReactionType]!",
}
_FIELDS = {name: parameters(line) for name, line in OBJECTS.items()}
_MANY = 3
"""So many fields of an object that need not be there."""

BOT_ID, BOT_NAME = 123456, "reelbot"
_CHATS: tuple[dict[str, Any], ...] = (
    {"id": 5_000_001, "type": "private", "first_name": "Anna"},
    {"id": 5_000_002, "type": "private", "first_name": "Bo"},
    {"id": -1_001_000, "type": "supergroup", "title": "Team", "is_forum": True},
    {"id": -77, "type": "group", "title": "Old group"},
    {"id": -1_002_000, "type": "channel", "title": "News"},
)
_PEOPLE: tuple[dict[str, Any], ...] = (
    {"id": 5_000_001, "is_bot": False, "first_name": "Anna", "language_code": "en"},
    {"id": 5_000_002, "is_bot": False, "first_name": "Bo\u202e<@U1>", "last_name": "\x00", "language_code": "x" * 99},
    {"id": BOT_ID, "is_bot": True, "first_name": "Reelbot", "username": BOT_NAME},
    {"id": 1_087_968_824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"},
)
_KINDS = ("private", "group", "supergroup", "channel", "text_mention", "mention", "bot_command")


@st.composite
def an_object(draw: st.DrawFn, kind: str, deep: int = 2) -> Any:
    """An object of the document's, with a few of the fields that it may have."""
    fields = _FIELDS.get(kind)
    if fields is None or deep < 0:
        return draw(st.sampled_from([{}, {"id": 1}, {"type": "x", "date": 1}]))
    optional = [name for name, field in fields.items() if not field.required]
    chosen = draw(st.lists(st.sampled_from(optional), max_size=_MANY, unique=True)) if optional else []
    wanted = [name for name, field in fields.items() if field.required or name in chosen]
    return {name: draw(_of_type(fields[name].type, deep - 1)) for name in wanted}


def _of_type(kind: str, deep: int) -> st.SearchStrategy[Any]:
    if kind.startswith("["):
        return st.lists(_of_type(kind[1:-1], deep), max_size=2)
    plain: dict[str, st.SearchStrategy[Any]] = {
        "int": st.integers(0, 100) | st.sampled_from(NASTY_NUMBERS),
        "chat": st.sampled_from([-1, 1, "@name"]),
        "bool": st.booleans(),
        "float": st.floats(),
        "str": st.sampled_from(_KINDS) | any_text,
        "User": st.sampled_from(_PEOPLE),
        "Chat": st.sampled_from(_CHATS),
    }
    return plain[kind] if kind in plain else an_object(kind, deep)


@st.composite
def _message(draw: st.DrawFn) -> dict[str, Any]:
    """A message as people send them, with other fields of messages besides."""
    chat = draw(st.sampled_from(_CHATS))
    message: dict[str, Any] = {
        "message_id": draw(st.integers(1, 9)),
        "from": draw(st.sampled_from(_PEOPLE[:2])) if chat["id"] < 0 else {**_PEOPLE[0], "id": chat["id"]},
        "chat": chat,
        "date": 1_795_000_000,
    }
    field = draw(
        st.sampled_from(["text"] * 16 + ["photo", "video", "voice", "document", "animation", "audio",
        "video_note",
                         "sticker", "dice", "poll", "story", "new_chat_title", "pinned_message"])
    )  # fmt: skip
    if field == "text":
        command, mention = draw(commands), draw(st.sampled_from(["", "", "@reelbot ", "@ReelBot, ", "@other "]))
        message["text"] = f"{f'/{command} ' if command else ''}{mention}{draw(said)}"
    else:
        message[field] = draw(_of_type(_FIELDS["Message"][field].type, 1))
        if draw(st.booleans()):
            message["caption"] = draw(said)
    if draw(st.integers(0, 3)) == 0:
        message["media_group_id"] = draw(st.sampled_from(["a", "b"]))
    if draw(st.integers(0, 3)) == 0:
        message |= {"is_topic_message": True, "message_thread_id": draw(st.integers(1, 3))}
    if draw(st.integers(0, 3)) == 0:
        target = {**message, "message_id": draw(st.integers(1, 9)), "from": draw(st.sampled_from(_PEOPLE))}
        message["reply_to_message"] = target
    if draw(st.integers(0, 2)) == 0:
        message |= draw(an_object("Message", 1).map(_extras))
    return message


def _extras(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in ("message_id", "from", "chat", "date")}


@st.composite
def _press(draw: st.DrawFn) -> dict[str, Any]:
    chat = draw(st.sampled_from(_CHATS))
    return {
        "id": str(draw(st.integers(0, 99))),
        "from": draw(st.sampled_from(_PEOPLE[:2])),
        "message": {
            "message_id": draw(st.integers(1, 9)),
            "date": draw(st.sampled_from([0, 1_795_000_000])),
            "chat": chat,
        },
        "chat_instance": "1",
        "data": draw(actions),
    }


_numbers = st.integers(1, 500)
_posted = st.builds(lambda number, message: {"update_id": number, "message": message}, _numbers, _message())
_edited = st.builds(
    lambda number, message: {"update_id": number, "edited_message": message | {"edit_date": 1_795_000_009}},
    _numbers,
    _message(),
)
_pressed = st.builds(lambda number, press: {"update_id": number, "callback_query": press}, _numbers, _press())
_other = st.builds(lambda number, update: update | {"update_id": number}, _numbers, an_object("Update", 3))
valid_updates: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [_posted, _posted, _posted, _posted, _edited, _pressed, _pressed, _other]
).flatmap(lambda kind: kind)
"""Updates that the server could send, whatever they are about."""
any_update: st.SearchStrategy[Any] = st.integers(0, 9).flatmap(
    lambda kind: damaged(valid_updates) if kind else any_value
)
"""Updates, half of them with something wrong with them, and what is none."""
