import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListingState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LISTING_STATE_UNSPECIFIED: _ClassVar[ListingState]
    LISTING_STATE_DRAFT: _ClassVar[ListingState]
    LISTING_STATE_APPROVED: _ClassVar[ListingState]
    LISTING_STATE_DEPRECATED: _ClassVar[ListingState]
    LISTING_STATE_RETIRED: _ClassVar[ListingState]
    LISTING_STATE_REVOKED: _ClassVar[ListingState]
    LISTING_STATE_PENDING: _ClassVar[ListingState]

class ListingView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LISTING_VIEW_UNSPECIFIED: _ClassVar[ListingView]
    LISTING_VIEW_SUMMARY: _ClassVar[ListingView]
    LISTING_VIEW_FULL: _ClassVar[ListingView]

class CallOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CALL_OUTCOME_UNSPECIFIED: _ClassVar[CallOutcome]
    CALL_OUTCOME_STARTED: _ClassVar[CallOutcome]
    CALL_OUTCOME_OK: _ClassVar[CallOutcome]
    CALL_OUTCOME_REFUSED: _ClassVar[CallOutcome]
    CALL_OUTCOME_UNAVAILABLE: _ClassVar[CallOutcome]
    CALL_OUTCOME_FAILED: _ClassVar[CallOutcome]
    CALL_OUTCOME_CANCELLED: _ClassVar[CallOutcome]

class CompatibilityAnswer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPATIBILITY_ANSWER_UNSPECIFIED: _ClassVar[CompatibilityAnswer]
    COMPATIBILITY_ANSWER_COMPATIBLE: _ClassVar[CompatibilityAnswer]
    COMPATIBILITY_ANSWER_INCOMPATIBLE: _ClassVar[CompatibilityAnswer]
    COMPATIBILITY_ANSWER_UNKNOWN: _ClassVar[CompatibilityAnswer]

class CompatibilityLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPATIBILITY_LEVEL_UNSPECIFIED: _ClassVar[CompatibilityLevel]
    COMPATIBILITY_LEVEL_LAST: _ClassVar[CompatibilityLevel]
    COMPATIBILITY_LEVEL_ALL: _ClassVar[CompatibilityLevel]

class CallDimension(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CALL_DIMENSION_UNSPECIFIED: _ClassVar[CallDimension]
    CALL_DIMENSION_DAY: _ClassVar[CallDimension]
    CALL_DIMENSION_CALLER: _ClassVar[CallDimension]
    CALL_DIMENSION_SERVICE: _ClassVar[CallDimension]
    CALL_DIMENSION_OPERATION: _ClassVar[CallDimension]
    CALL_DIMENSION_REVISION: _ClassVar[CallDimension]
    CALL_DIMENSION_OUTCOME: _ClassVar[CallDimension]

class ChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANGE_KIND_UNSPECIFIED: _ClassVar[ChangeKind]
    CHANGE_KIND_LISTING_PUBLISHED: _ClassVar[ChangeKind]
    CHANGE_KIND_LISTING_REWORDED: _ClassVar[ChangeKind]
    CHANGE_KIND_LISTING_MOVED: _ClassVar[ChangeKind]
    CHANGE_KIND_POLICY_PUBLISHED: _ClassVar[ChangeKind]
    CHANGE_KIND_KEY_ENROLLED: _ClassVar[ChangeKind]
    CHANGE_KIND_KEY_REVOKED: _ClassVar[ChangeKind]
    CHANGE_KIND_LISTING_OVERRIDDEN: _ClassVar[ChangeKind]

class WorkerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORKER_STATE_UNSPECIFIED: _ClassVar[WorkerState]
    WORKER_STATE_ALIVE: _ClassVar[WorkerState]
    WORKER_STATE_LOST: _ClassVar[WorkerState]
    WORKER_STATE_STOPPED: _ClassVar[WorkerState]

class HealthVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEALTH_VERDICT_UNSPECIFIED: _ClassVar[HealthVerdict]
    HEALTH_VERDICT_SERVING: _ClassVar[HealthVerdict]
    HEALTH_VERDICT_DEGRADED: _ClassVar[HealthVerdict]
    HEALTH_VERDICT_NOT_SERVED: _ClassVar[HealthVerdict]

class DriftKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DRIFT_KIND_UNSPECIFIED: _ClassVar[DriftKind]
    DRIFT_KIND_MISSING: _ClassVar[DriftKind]
    DRIFT_KIND_TARGET: _ClassVar[DriftKind]
    DRIFT_KIND_DESCRIPTION: _ClassVar[DriftKind]
    DRIFT_KIND_UNLISTED: _ClassVar[DriftKind]
LISTING_STATE_UNSPECIFIED: ListingState
LISTING_STATE_DRAFT: ListingState
LISTING_STATE_APPROVED: ListingState
LISTING_STATE_DEPRECATED: ListingState
LISTING_STATE_RETIRED: ListingState
LISTING_STATE_REVOKED: ListingState
LISTING_STATE_PENDING: ListingState
LISTING_VIEW_UNSPECIFIED: ListingView
LISTING_VIEW_SUMMARY: ListingView
LISTING_VIEW_FULL: ListingView
CALL_OUTCOME_UNSPECIFIED: CallOutcome
CALL_OUTCOME_STARTED: CallOutcome
CALL_OUTCOME_OK: CallOutcome
CALL_OUTCOME_REFUSED: CallOutcome
CALL_OUTCOME_UNAVAILABLE: CallOutcome
CALL_OUTCOME_FAILED: CallOutcome
CALL_OUTCOME_CANCELLED: CallOutcome
COMPATIBILITY_ANSWER_UNSPECIFIED: CompatibilityAnswer
COMPATIBILITY_ANSWER_COMPATIBLE: CompatibilityAnswer
COMPATIBILITY_ANSWER_INCOMPATIBLE: CompatibilityAnswer
COMPATIBILITY_ANSWER_UNKNOWN: CompatibilityAnswer
COMPATIBILITY_LEVEL_UNSPECIFIED: CompatibilityLevel
COMPATIBILITY_LEVEL_LAST: CompatibilityLevel
COMPATIBILITY_LEVEL_ALL: CompatibilityLevel
CALL_DIMENSION_UNSPECIFIED: CallDimension
CALL_DIMENSION_DAY: CallDimension
CALL_DIMENSION_CALLER: CallDimension
CALL_DIMENSION_SERVICE: CallDimension
CALL_DIMENSION_OPERATION: CallDimension
CALL_DIMENSION_REVISION: CallDimension
CALL_DIMENSION_OUTCOME: CallDimension
CHANGE_KIND_UNSPECIFIED: ChangeKind
CHANGE_KIND_LISTING_PUBLISHED: ChangeKind
CHANGE_KIND_LISTING_REWORDED: ChangeKind
CHANGE_KIND_LISTING_MOVED: ChangeKind
CHANGE_KIND_POLICY_PUBLISHED: ChangeKind
CHANGE_KIND_KEY_ENROLLED: ChangeKind
CHANGE_KIND_KEY_REVOKED: ChangeKind
CHANGE_KIND_LISTING_OVERRIDDEN: ChangeKind
WORKER_STATE_UNSPECIFIED: WorkerState
WORKER_STATE_ALIVE: WorkerState
WORKER_STATE_LOST: WorkerState
WORKER_STATE_STOPPED: WorkerState
HEALTH_VERDICT_UNSPECIFIED: HealthVerdict
HEALTH_VERDICT_SERVING: HealthVerdict
HEALTH_VERDICT_DEGRADED: HealthVerdict
HEALTH_VERDICT_NOT_SERVED: HealthVerdict
DRIFT_KIND_UNSPECIFIED: DriftKind
DRIFT_KIND_MISSING: DriftKind
DRIFT_KIND_TARGET: DriftKind
DRIFT_KIND_DESCRIPTION: DriftKind
DRIFT_KIND_UNLISTED: DriftKind

class Listing(_message.Message):
    __slots__ = ("service", "digest", "number", "team", "state", "created", "document", "summary", "operations", "etag", "sunset", "successor", "reason", "revision", "verdict")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    SUNSET_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    service: str
    digest: str
    number: int
    team: str
    state: ListingState
    created: _timestamp_pb2.Timestamp
    document: bytes
    summary: str
    operations: _containers.RepeatedScalarFieldContainer[str]
    etag: str
    sunset: _timestamp_pb2.Timestamp
    successor: str
    reason: str
    revision: str
    verdict: Verdict
    def __init__(self, service: _Optional[str] = ..., digest: _Optional[str] = ..., number: _Optional[int] = ..., team: _Optional[str] = ..., state: _Optional[_Union[ListingState, str]] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., document: _Optional[bytes] = ..., summary: _Optional[str] = ..., operations: _Optional[_Iterable[str]] = ..., etag: _Optional[str] = ..., sunset: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., successor: _Optional[str] = ..., reason: _Optional[str] = ..., revision: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, _Mapping]] = ...) -> None: ...

class PublishListingRequest(_message.Message):
    __slots__ = ("document", "validate_only")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    document: bytes
    validate_only: bool
    def __init__(self, document: _Optional[bytes] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class PublishListingResponse(_message.Message):
    __slots__ = ("listing", "created")
    LISTING_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    listing: Listing
    created: bool
    def __init__(self, listing: _Optional[_Union[Listing, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class GetListingRequest(_message.Message):
    __slots__ = ("service", "digest", "states")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    service: str
    digest: str
    states: _containers.RepeatedScalarFieldContainer[ListingState]
    def __init__(self, service: _Optional[str] = ..., digest: _Optional[str] = ..., states: _Optional[_Iterable[_Union[ListingState, str]]] = ...) -> None: ...

class GetListingResponse(_message.Message):
    __slots__ = ("listing",)
    LISTING_FIELD_NUMBER: _ClassVar[int]
    listing: Listing
    def __init__(self, listing: _Optional[_Union[Listing, _Mapping]] = ...) -> None: ...

class ListListingsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "team", "states", "all_revisions", "view")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    ALL_REVISIONS_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    team: str
    states: _containers.RepeatedScalarFieldContainer[ListingState]
    all_revisions: bool
    view: ListingView
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., team: _Optional[str] = ..., states: _Optional[_Iterable[_Union[ListingState, str]]] = ..., all_revisions: _Optional[bool] = ..., view: _Optional[_Union[ListingView, str]] = ...) -> None: ...

class ListListingsResponse(_message.Message):
    __slots__ = ("listings", "next_page_token")
    LISTINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    listings: _containers.RepeatedCompositeFieldContainer[Listing]
    next_page_token: str
    def __init__(self, listings: _Optional[_Iterable[_Union[Listing, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SearchOperationsRequest(_message.Message):
    __slots__ = ("words", "operation", "field", "effect", "team", "states", "page_size", "page_token", "caller", "for_models")
    WORDS_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    FOR_MODELS_FIELD_NUMBER: _ClassVar[int]
    words: str
    operation: str
    field: str
    effect: str
    team: str
    states: _containers.RepeatedScalarFieldContainer[ListingState]
    page_size: int
    page_token: str
    caller: str
    for_models: bool
    def __init__(self, words: _Optional[str] = ..., operation: _Optional[str] = ..., field: _Optional[str] = ..., effect: _Optional[str] = ..., team: _Optional[str] = ..., states: _Optional[_Iterable[_Union[ListingState, str]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., caller: _Optional[str] = ..., for_models: _Optional[bool] = ...) -> None: ...

class SearchOperationsResponse(_message.Message):
    __slots__ = ("operations", "next_page_token")
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    operations: _containers.RepeatedCompositeFieldContainer[FoundOperation]
    next_page_token: str
    def __init__(self, operations: _Optional[_Iterable[_Union[FoundOperation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class FoundOperation(_message.Message):
    __slots__ = ("service", "digest", "state", "team", "operation", "summary", "kind", "effect", "successor")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    service: str
    digest: str
    state: ListingState
    team: str
    operation: str
    summary: str
    kind: str
    effect: str
    successor: str
    def __init__(self, service: _Optional[str] = ..., digest: _Optional[str] = ..., state: _Optional[_Union[ListingState, str]] = ..., team: _Optional[str] = ..., operation: _Optional[str] = ..., summary: _Optional[str] = ..., kind: _Optional[str] = ..., effect: _Optional[str] = ..., successor: _Optional[str] = ...) -> None: ...

class SetStateRequest(_message.Message):
    __slots__ = ("service", "digest", "state", "etag", "sunset", "successor", "reason", "signed", "force", "override")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    SUNSET_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    service: str
    digest: str
    state: ListingState
    etag: str
    sunset: _timestamp_pb2.Timestamp
    successor: str
    reason: str
    signed: bytes
    force: bool
    override: bool
    def __init__(self, service: _Optional[str] = ..., digest: _Optional[str] = ..., state: _Optional[_Union[ListingState, str]] = ..., etag: _Optional[str] = ..., sunset: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., successor: _Optional[str] = ..., reason: _Optional[str] = ..., signed: _Optional[bytes] = ..., force: _Optional[bool] = ..., override: _Optional[bool] = ...) -> None: ...

class SetStateResponse(_message.Message):
    __slots__ = ("listing",)
    LISTING_FIELD_NUMBER: _ClassVar[int]
    listing: Listing
    def __init__(self, listing: _Optional[_Union[Listing, _Mapping]] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("operation", "part", "rule", "pointer", "place", "sentence", "counterexample", "base")
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    POINTER_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    COUNTEREXAMPLE_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    operation: str
    part: str
    rule: str
    pointer: str
    place: str
    sentence: str
    counterexample: bytes
    base: str
    def __init__(self, operation: _Optional[str] = ..., part: _Optional[str] = ..., rule: _Optional[str] = ..., pointer: _Optional[str] = ..., place: _Optional[str] = ..., sentence: _Optional[str] = ..., counterexample: _Optional[bytes] = ..., base: _Optional[str] = ...) -> None: ...

class VerdictOverride(_message.Message):
    __slots__ = ("author", "reason", "at")
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    author: str
    reason: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, author: _Optional[str] = ..., reason: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AffectedTeam(_message.Message):
    __slots__ = ("team", "operations", "declared", "calls", "last")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    DECLARED_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    team: str
    operations: _containers.RepeatedScalarFieldContainer[str]
    declared: bool
    calls: int
    last: _timestamp_pb2.Timestamp
    def __init__(self, team: _Optional[str] = ..., operations: _Optional[_Iterable[str]] = ..., declared: _Optional[bool] = ..., calls: _Optional[int] = ..., last: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("answer", "bases", "level", "strict", "findings", "warnings", "revision", "next_service", "judged", "override", "affected")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    BASES_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    NEXT_SERVICE_FIELD_NUMBER: _ClassVar[int]
    JUDGED_FIELD_NUMBER: _ClassVar[int]
    OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    AFFECTED_FIELD_NUMBER: _ClassVar[int]
    answer: CompatibilityAnswer
    bases: _containers.RepeatedScalarFieldContainer[str]
    level: CompatibilityLevel
    strict: bool
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    warnings: _containers.RepeatedCompositeFieldContainer[Finding]
    revision: str
    next_service: str
    judged: _timestamp_pb2.Timestamp
    override: VerdictOverride
    affected: _containers.RepeatedCompositeFieldContainer[AffectedTeam]
    def __init__(self, answer: _Optional[_Union[CompatibilityAnswer, str]] = ..., bases: _Optional[_Iterable[str]] = ..., level: _Optional[_Union[CompatibilityLevel, str]] = ..., strict: _Optional[bool] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., warnings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., revision: _Optional[str] = ..., next_service: _Optional[str] = ..., judged: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., override: _Optional[_Union[VerdictOverride, _Mapping]] = ..., affected: _Optional[_Iterable[_Union[AffectedTeam, _Mapping]]] = ...) -> None: ...

class CompareListingsRequest(_message.Message):
    __slots__ = ("service", "from_digest", "to_digest", "document", "level", "strict")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    FROM_DIGEST_FIELD_NUMBER: _ClassVar[int]
    TO_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    service: str
    from_digest: str
    to_digest: str
    document: bytes
    level: CompatibilityLevel
    strict: bool
    def __init__(self, service: _Optional[str] = ..., from_digest: _Optional[str] = ..., to_digest: _Optional[str] = ..., document: _Optional[bytes] = ..., level: _Optional[_Union[CompatibilityLevel, str]] = ..., strict: _Optional[bool] = ...) -> None: ...

class CompareListingsResponse(_message.Message):
    __slots__ = ("verdict",)
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    verdict: Verdict
    def __init__(self, verdict: _Optional[_Union[Verdict, _Mapping]] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("team", "version", "digest", "document", "created")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    team: str
    version: int
    digest: str
    document: bytes
    created: _timestamp_pb2.Timestamp
    def __init__(self, team: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[str] = ..., document: _Optional[bytes] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PublishPolicyRequest(_message.Message):
    __slots__ = ("team", "document", "validate_only")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    team: str
    document: bytes
    validate_only: bool
    def __init__(self, team: _Optional[str] = ..., document: _Optional[bytes] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class PublishPolicyResponse(_message.Message):
    __slots__ = ("policy", "created", "warnings")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    policy: Policy
    created: bool
    warnings: _containers.RepeatedCompositeFieldContainer[Finding]
    def __init__(self, policy: _Optional[_Union[Policy, _Mapping]] = ..., created: _Optional[bool] = ..., warnings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ...) -> None: ...

class GetPolicyRequest(_message.Message):
    __slots__ = ("team", "version")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    team: str
    version: int
    def __init__(self, team: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetPolicyResponse(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: Policy
    def __init__(self, policy: _Optional[_Union[Policy, _Mapping]] = ...) -> None: ...

class ListPoliciesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPoliciesResponse(_message.Message):
    __slots__ = ("policies", "next_page_token")
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    policies: _containers.RepeatedCompositeFieldContainer[Policy]
    next_page_token: str
    def __init__(self, policies: _Optional[_Iterable[_Union[Policy, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PublicKey(_message.Message):
    __slots__ = ("team", "key_id", "public_bytes", "created", "expires", "revoked")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_BYTES_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    team: str
    key_id: str
    public_bytes: bytes
    created: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    revoked: _timestamp_pb2.Timestamp
    def __init__(self, team: _Optional[str] = ..., key_id: _Optional[str] = ..., public_bytes: _Optional[bytes] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revoked: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class InviteTeamRequest(_message.Message):
    __slots__ = ("team", "lifetime")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_FIELD_NUMBER: _ClassVar[int]
    team: str
    lifetime: _duration_pb2.Duration
    def __init__(self, team: _Optional[str] = ..., lifetime: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class InviteTeamResponse(_message.Message):
    __slots__ = ("code", "expires")
    CODE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    code: str
    expires: _timestamp_pb2.Timestamp
    def __init__(self, code: _Optional[str] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EnrolKeyRequest(_message.Message):
    __slots__ = ("team", "code", "key_id", "public_bytes")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_BYTES_FIELD_NUMBER: _ClassVar[int]
    team: str
    code: str
    key_id: str
    public_bytes: bytes
    def __init__(self, team: _Optional[str] = ..., code: _Optional[str] = ..., key_id: _Optional[str] = ..., public_bytes: _Optional[bytes] = ...) -> None: ...

class EnrolKeyResponse(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: PublicKey
    def __init__(self, key: _Optional[_Union[PublicKey, _Mapping]] = ...) -> None: ...

class RotateKeyRequest(_message.Message):
    __slots__ = ("team", "key_id", "public_bytes", "overlap", "proof", "signed")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_BYTES_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    team: str
    key_id: str
    public_bytes: bytes
    overlap: _duration_pb2.Duration
    proof: str
    signed: bytes
    def __init__(self, team: _Optional[str] = ..., key_id: _Optional[str] = ..., public_bytes: _Optional[bytes] = ..., overlap: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., proof: _Optional[str] = ..., signed: _Optional[bytes] = ...) -> None: ...

class RotateKeyResponse(_message.Message):
    __slots__ = ("key", "created")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    key: PublicKey
    created: bool
    def __init__(self, key: _Optional[_Union[PublicKey, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class RevokeKeyRequest(_message.Message):
    __slots__ = ("team", "key_id", "reason", "signed")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    team: str
    key_id: str
    reason: str
    signed: bytes
    def __init__(self, team: _Optional[str] = ..., key_id: _Optional[str] = ..., reason: _Optional[str] = ..., signed: _Optional[bytes] = ...) -> None: ...

class RevokeKeyResponse(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: PublicKey
    def __init__(self, key: _Optional[_Union[PublicKey, _Mapping]] = ...) -> None: ...

class RegisterKeyRequest(_message.Message):
    __slots__ = ("team", "key_id", "public_bytes")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_BYTES_FIELD_NUMBER: _ClassVar[int]
    team: str
    key_id: str
    public_bytes: bytes
    def __init__(self, team: _Optional[str] = ..., key_id: _Optional[str] = ..., public_bytes: _Optional[bytes] = ...) -> None: ...

class RegisterKeyResponse(_message.Message):
    __slots__ = ("key", "created")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    key: PublicKey
    created: bool
    def __init__(self, key: _Optional[_Union[PublicKey, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class ListPublicKeysRequest(_message.Message):
    __slots__ = ("team", "page_size", "page_token", "past")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAST_FIELD_NUMBER: _ClassVar[int]
    team: str
    page_size: int
    page_token: str
    past: bool
    def __init__(self, team: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., past: _Optional[bool] = ...) -> None: ...

class ListPublicKeysResponse(_message.Message):
    __slots__ = ("keys", "next_page_token")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[PublicKey]
    next_page_token: str
    def __init__(self, keys: _Optional[_Iterable[_Union[PublicKey, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CallRecord(_message.Message):
    __slots__ = ("root", "token_id", "caller", "person", "endpoint", "service", "operation", "revision", "build", "entity", "start", "duration", "outcome", "reason", "input_tokens", "output_tokens", "cost_usd", "reporter", "derived")
    ROOT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    BUILD_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_USD_FIELD_NUMBER: _ClassVar[int]
    REPORTER_FIELD_NUMBER: _ClassVar[int]
    DERIVED_FIELD_NUMBER: _ClassVar[int]
    root: str
    token_id: str
    caller: str
    person: str
    endpoint: str
    service: str
    operation: str
    revision: str
    build: str
    entity: str
    start: _timestamp_pb2.Timestamp
    duration: _duration_pb2.Duration
    outcome: CallOutcome
    reason: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    reporter: str
    derived: bool
    def __init__(self, root: _Optional[str] = ..., token_id: _Optional[str] = ..., caller: _Optional[str] = ..., person: _Optional[str] = ..., endpoint: _Optional[str] = ..., service: _Optional[str] = ..., operation: _Optional[str] = ..., revision: _Optional[str] = ..., build: _Optional[str] = ..., entity: _Optional[str] = ..., start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., outcome: _Optional[_Union[CallOutcome, str]] = ..., reason: _Optional[str] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cost_usd: _Optional[float] = ..., reporter: _Optional[str] = ..., derived: _Optional[bool] = ...) -> None: ...

class CallBatch(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[CallRecord]
    def __init__(self, records: _Optional[_Iterable[_Union[CallRecord, _Mapping]]] = ...) -> None: ...

class ReportCallsRequest(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: bytes
    def __init__(self, batch: _Optional[bytes] = ...) -> None: ...

class ReportCallsResponse(_message.Message):
    __slots__ = ("kept",)
    KEPT_FIELD_NUMBER: _ClassVar[int]
    kept: int
    def __init__(self, kept: _Optional[int] = ...) -> None: ...

class ListCallsRequest(_message.Message):
    __slots__ = ("root", "after", "page_size", "team", "caller", "service", "operation", "entity", "outcomes", "since", "until", "newest_first")
    ROOT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIRST_FIELD_NUMBER: _ClassVar[int]
    root: str
    after: str
    page_size: int
    team: str
    caller: str
    service: str
    operation: str
    entity: str
    outcomes: _containers.RepeatedScalarFieldContainer[CallOutcome]
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    newest_first: bool
    def __init__(self, root: _Optional[str] = ..., after: _Optional[str] = ..., page_size: _Optional[int] = ..., team: _Optional[str] = ..., caller: _Optional[str] = ..., service: _Optional[str] = ..., operation: _Optional[str] = ..., entity: _Optional[str] = ..., outcomes: _Optional[_Iterable[_Union[CallOutcome, str]]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., newest_first: _Optional[bool] = ...) -> None: ...

class ListCallsResponse(_message.Message):
    __slots__ = ("records", "cursor")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[CallRecord]
    cursor: str
    def __init__(self, records: _Optional[_Iterable[_Union[CallRecord, _Mapping]]] = ..., cursor: _Optional[str] = ...) -> None: ...

class SumCallsRequest(_message.Message):
    __slots__ = ("by", "caller", "service", "operation", "revision", "outcomes", "since", "until", "page_size", "page_token")
    BY_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    by: _containers.RepeatedScalarFieldContainer[CallDimension]
    caller: str
    service: str
    operation: str
    revision: str
    outcomes: _containers.RepeatedScalarFieldContainer[CallOutcome]
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, by: _Optional[_Iterable[_Union[CallDimension, str]]] = ..., caller: _Optional[str] = ..., service: _Optional[str] = ..., operation: _Optional[str] = ..., revision: _Optional[str] = ..., outcomes: _Optional[_Iterable[_Union[CallOutcome, str]]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class CallTotal(_message.Message):
    __slots__ = ("day", "caller", "service", "operation", "revision", "outcome", "calls", "errors", "duration", "p50", "p95", "input_tokens", "output_tokens", "cost_usd", "last")
    DAY_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    P50_FIELD_NUMBER: _ClassVar[int]
    P95_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_USD_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    day: _timestamp_pb2.Timestamp
    caller: str
    service: str
    operation: str
    revision: str
    outcome: CallOutcome
    calls: int
    errors: int
    duration: _duration_pb2.Duration
    p50: _duration_pb2.Duration
    p95: _duration_pb2.Duration
    input_tokens: int
    output_tokens: int
    cost_usd: float
    last: _timestamp_pb2.Timestamp
    def __init__(self, day: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., caller: _Optional[str] = ..., service: _Optional[str] = ..., operation: _Optional[str] = ..., revision: _Optional[str] = ..., outcome: _Optional[_Union[CallOutcome, str]] = ..., calls: _Optional[int] = ..., errors: _Optional[int] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., p50: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., p95: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cost_usd: _Optional[float] = ..., last: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SumCallsResponse(_message.Message):
    __slots__ = ("totals", "next_page_token")
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    totals: _containers.RepeatedCompositeFieldContainer[CallTotal]
    next_page_token: str
    def __init__(self, totals: _Optional[_Iterable[_Union[CallTotal, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeclareCallsRequest(_message.Message):
    __slots__ = ("team", "document")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    team: str
    document: bytes
    def __init__(self, team: _Optional[str] = ..., document: _Optional[bytes] = ...) -> None: ...

class DeclareCallsResponse(_message.Message):
    __slots__ = ("changed",)
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    changed: bool
    def __init__(self, changed: _Optional[bool] = ...) -> None: ...

class ListConsumersRequest(_message.Message):
    __slots__ = ("service", "operation", "since")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    service: str
    operation: str
    since: _timestamp_pb2.Timestamp
    def __init__(self, service: _Optional[str] = ..., operation: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Consumer(_message.Message):
    __slots__ = ("team", "declared", "operation", "revision", "calls", "errors", "last")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    DECLARED_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    team: str
    declared: bool
    operation: str
    revision: str
    calls: int
    errors: int
    last: _timestamp_pb2.Timestamp
    def __init__(self, team: _Optional[str] = ..., declared: _Optional[bool] = ..., operation: _Optional[str] = ..., revision: _Optional[str] = ..., calls: _Optional[int] = ..., errors: _Optional[int] = ..., last: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListConsumersResponse(_message.Message):
    __slots__ = ("consumers",)
    CONSUMERS_FIELD_NUMBER: _ClassVar[int]
    consumers: _containers.RepeatedCompositeFieldContainer[Consumer]
    def __init__(self, consumers: _Optional[_Iterable[_Union[Consumer, _Mapping]]] = ...) -> None: ...

class ListAuditPositionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AuditPosition(_message.Message):
    __slots__ = ("namespace", "team", "read_until", "looked", "problem", "open")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    READ_UNTIL_FIELD_NUMBER: _ClassVar[int]
    LOOKED_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    team: str
    read_until: _timestamp_pb2.Timestamp
    looked: _timestamp_pb2.Timestamp
    problem: str
    open: int
    def __init__(self, namespace: _Optional[str] = ..., team: _Optional[str] = ..., read_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., looked: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., problem: _Optional[str] = ..., open: _Optional[int] = ...) -> None: ...

class ListAuditPositionsResponse(_message.Message):
    __slots__ = ("positions",)
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    positions: _containers.RepeatedCompositeFieldContainer[AuditPosition]
    def __init__(self, positions: _Optional[_Iterable[_Union[AuditPosition, _Mapping]]] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("kind", "at", "team", "subject", "detail", "state", "author", "reason", "cursor")
    KIND_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    kind: ChangeKind
    at: _timestamp_pb2.Timestamp
    team: str
    subject: str
    detail: str
    state: ListingState
    author: str
    reason: str
    cursor: str
    def __init__(self, kind: _Optional[_Union[ChangeKind, str]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., team: _Optional[str] = ..., subject: _Optional[str] = ..., detail: _Optional[str] = ..., state: _Optional[_Union[ListingState, str]] = ..., author: _Optional[str] = ..., reason: _Optional[str] = ..., cursor: _Optional[str] = ...) -> None: ...

class WatchChangesRequest(_message.Message):
    __slots__ = ("after", "team", "only_new")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    ONLY_NEW_FIELD_NUMBER: _ClassVar[int]
    after: str
    team: str
    only_new: bool
    def __init__(self, after: _Optional[str] = ..., team: _Optional[str] = ..., only_new: _Optional[bool] = ...) -> None: ...

class WatchChangesResponse(_message.Message):
    __slots__ = ("changes", "cursor")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    cursor: str
    def __init__(self, changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., cursor: _Optional[str] = ...) -> None: ...

class DiscoverOperationsRequest(_message.Message):
    __slots__ = ("caller", "words", "states", "page_size", "page_token")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    caller: str
    words: str
    states: _containers.RepeatedScalarFieldContainer[ListingState]
    page_size: int
    page_token: str
    def __init__(self, caller: _Optional[str] = ..., words: _Optional[str] = ..., states: _Optional[_Iterable[_Union[ListingState, str]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class DiscoverOperationsResponse(_message.Message):
    __slots__ = ("operations", "next_page_token", "total", "total_services", "services", "as_of")
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SERVICES_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    operations: _containers.RepeatedCompositeFieldContainer[FoundOperation]
    next_page_token: str
    total: int
    total_services: int
    services: _containers.RepeatedScalarFieldContainer[str]
    as_of: str
    def __init__(self, operations: _Optional[_Iterable[_Union[FoundOperation, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total: _Optional[int] = ..., total_services: _Optional[int] = ..., services: _Optional[_Iterable[str]] = ..., as_of: _Optional[str] = ...) -> None: ...

class OperationName(_message.Message):
    __slots__ = ("service", "operation")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    service: str
    operation: str
    def __init__(self, service: _Optional[str] = ..., operation: _Optional[str] = ...) -> None: ...

class GetOperationsRequest(_message.Message):
    __slots__ = ("operations", "caller", "states")
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    operations: _containers.RepeatedCompositeFieldContainer[OperationName]
    caller: str
    states: _containers.RepeatedScalarFieldContainer[ListingState]
    def __init__(self, operations: _Optional[_Iterable[_Union[OperationName, _Mapping]]] = ..., caller: _Optional[str] = ..., states: _Optional[_Iterable[_Union[ListingState, str]]] = ...) -> None: ...

class GetOperationsResponse(_message.Message):
    __slots__ = ("operations", "looked_at")
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    LOOKED_AT_FIELD_NUMBER: _ClassVar[int]
    operations: _containers.RepeatedCompositeFieldContainer[DescribedOperation]
    looked_at: int
    def __init__(self, operations: _Optional[_Iterable[_Union[DescribedOperation, _Mapping]]] = ..., looked_at: _Optional[int] = ...) -> None: ...

class DescribedOperation(_message.Message):
    __slots__ = ("service", "digest", "state", "team", "endpoint", "operation", "document", "successor")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    service: str
    digest: str
    state: ListingState
    team: str
    endpoint: str
    operation: str
    document: bytes
    successor: str
    def __init__(self, service: _Optional[str] = ..., digest: _Optional[str] = ..., state: _Optional[_Union[ListingState, str]] = ..., team: _Optional[str] = ..., endpoint: _Optional[str] = ..., operation: _Optional[str] = ..., document: _Optional[bytes] = ..., successor: _Optional[str] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("worker", "namespace", "task_queue", "identity", "build", "kit_version", "sdk_version", "serves", "started", "sent", "every", "stopping", "owner", "contact", "description")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    BUILD_FIELD_NUMBER: _ClassVar[int]
    KIT_VERSION_FIELD_NUMBER: _ClassVar[int]
    SDK_VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVES_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    EVERY_FIELD_NUMBER: _ClassVar[int]
    STOPPING_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    worker: str
    namespace: str
    task_queue: str
    identity: str
    build: str
    kit_version: str
    sdk_version: str
    serves: _containers.RepeatedCompositeFieldContainer[ServedRevision]
    started: _timestamp_pb2.Timestamp
    sent: _timestamp_pb2.Timestamp
    every: _duration_pb2.Duration
    stopping: bool
    owner: str
    contact: str
    description: str
    def __init__(self, worker: _Optional[str] = ..., namespace: _Optional[str] = ..., task_queue: _Optional[str] = ..., identity: _Optional[str] = ..., build: _Optional[str] = ..., kit_version: _Optional[str] = ..., sdk_version: _Optional[str] = ..., serves: _Optional[_Iterable[_Union[ServedRevision, _Mapping]]] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sent: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., every: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., stopping: _Optional[bool] = ..., owner: _Optional[str] = ..., contact: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class ServedRevision(_message.Message):
    __slots__ = ("service", "digest")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    service: str
    digest: str
    def __init__(self, service: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class ReportHeartbeatRequest(_message.Message):
    __slots__ = ("heartbeat",)
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    heartbeat: bytes
    def __init__(self, heartbeat: _Optional[bytes] = ...) -> None: ...

class ReportHeartbeatResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Worker(_message.Message):
    __slots__ = ("team", "worker", "state", "namespace", "task_queue", "identity", "build", "kit_version", "sdk_version", "serves", "started", "seen", "polled", "every")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    BUILD_FIELD_NUMBER: _ClassVar[int]
    KIT_VERSION_FIELD_NUMBER: _ClassVar[int]
    SDK_VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVES_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    POLLED_FIELD_NUMBER: _ClassVar[int]
    EVERY_FIELD_NUMBER: _ClassVar[int]
    team: str
    worker: str
    state: WorkerState
    namespace: str
    task_queue: str
    identity: str
    build: str
    kit_version: str
    sdk_version: str
    serves: _containers.RepeatedCompositeFieldContainer[ServedRevision]
    started: _timestamp_pb2.Timestamp
    seen: _timestamp_pb2.Timestamp
    polled: _timestamp_pb2.Timestamp
    every: _duration_pb2.Duration
    def __init__(self, team: _Optional[str] = ..., worker: _Optional[str] = ..., state: _Optional[_Union[WorkerState, str]] = ..., namespace: _Optional[str] = ..., task_queue: _Optional[str] = ..., identity: _Optional[str] = ..., build: _Optional[str] = ..., kit_version: _Optional[str] = ..., sdk_version: _Optional[str] = ..., serves: _Optional[_Iterable[_Union[ServedRevision, _Mapping]]] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., polled: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., every: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ListWorkersRequest(_message.Message):
    __slots__ = ("team", "service", "past", "page_size", "page_token")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    PAST_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    team: str
    service: str
    past: bool
    page_size: int
    page_token: str
    def __init__(self, team: _Optional[str] = ..., service: _Optional[str] = ..., past: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWorkersResponse(_message.Message):
    __slots__ = ("workers", "next_page_token")
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    workers: _containers.RepeatedCompositeFieldContainer[Worker]
    next_page_token: str
    def __init__(self, workers: _Optional[_Iterable[_Union[Worker, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Team(_message.Message):
    __slots__ = ("team", "owner", "contact", "description")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    team: str
    owner: str
    contact: str
    description: str
    def __init__(self, team: _Optional[str] = ..., owner: _Optional[str] = ..., contact: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class ListTeamsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTeamsResponse(_message.Message):
    __slots__ = ("teams", "next_page_token")
    TEAMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    teams: _containers.RepeatedCompositeFieldContainer[Team]
    next_page_token: str
    def __init__(self, teams: _Optional[_Iterable[_Union[Team, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ServiceHealth(_message.Message):
    __slots__ = ("service", "team", "verdict", "reasons", "remarks", "as_of", "stale", "workers", "builds")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    BUILDS_FIELD_NUMBER: _ClassVar[int]
    service: str
    team: str
    verdict: HealthVerdict
    reasons: _containers.RepeatedScalarFieldContainer[str]
    remarks: _containers.RepeatedScalarFieldContainer[str]
    as_of: _timestamp_pb2.Timestamp
    stale: bool
    workers: int
    builds: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, service: _Optional[str] = ..., team: _Optional[str] = ..., verdict: _Optional[_Union[HealthVerdict, str]] = ..., reasons: _Optional[_Iterable[str]] = ..., remarks: _Optional[_Iterable[str]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., stale: _Optional[bool] = ..., workers: _Optional[int] = ..., builds: _Optional[_Iterable[str]] = ...) -> None: ...

class GetHealthRequest(_message.Message):
    __slots__ = ("service",)
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    service: str
    def __init__(self, service: _Optional[str] = ...) -> None: ...

class GetHealthResponse(_message.Message):
    __slots__ = ("health",)
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    health: ServiceHealth
    def __init__(self, health: _Optional[_Union[ServiceHealth, _Mapping]] = ...) -> None: ...

class ListHealthRequest(_message.Message):
    __slots__ = ("team", "page_size", "page_token")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    team: str
    page_size: int
    page_token: str
    def __init__(self, team: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListHealthResponse(_message.Message):
    __slots__ = ("health", "next_page_token")
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    health: _containers.RepeatedCompositeFieldContainer[ServiceHealth]
    next_page_token: str
    def __init__(self, health: _Optional[_Iterable[_Union[ServiceHealth, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class EndpointDrift(_message.Message):
    __slots__ = ("kind", "words")
    KIND_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    kind: DriftKind
    words: str
    def __init__(self, kind: _Optional[_Union[DriftKind, str]] = ..., words: _Optional[str] = ...) -> None: ...

class ObservedEndpoint(_message.Message):
    __slots__ = ("name", "namespace", "task_queue", "wanted_namespace", "wanted_task_queue", "services", "drift", "as_of")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WANTED_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    WANTED_TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    name: str
    namespace: str
    task_queue: str
    wanted_namespace: str
    wanted_task_queue: str
    services: _containers.RepeatedScalarFieldContainer[str]
    drift: _containers.RepeatedCompositeFieldContainer[EndpointDrift]
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., namespace: _Optional[str] = ..., task_queue: _Optional[str] = ..., wanted_namespace: _Optional[str] = ..., wanted_task_queue: _Optional[str] = ..., services: _Optional[_Iterable[str]] = ..., drift: _Optional[_Iterable[_Union[EndpointDrift, _Mapping]]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListEndpointsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEndpointsResponse(_message.Message):
    __slots__ = ("endpoints", "next_page_token")
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    endpoints: _containers.RepeatedCompositeFieldContainer[ObservedEndpoint]
    next_page_token: str
    def __init__(self, endpoints: _Optional[_Iterable[_Union[ObservedEndpoint, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class QueuePoller(_message.Message):
    __slots__ = ("identity", "last")
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    identity: str
    last: _timestamp_pb2.Timestamp
    def __init__(self, identity: _Optional[str] = ..., last: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class QueueTasks(_message.Message):
    __slots__ = ("kind", "pollers", "backlog", "oldest", "congested")
    KIND_FIELD_NUMBER: _ClassVar[int]
    POLLERS_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIELD_NUMBER: _ClassVar[int]
    CONGESTED_FIELD_NUMBER: _ClassVar[int]
    kind: str
    pollers: _containers.RepeatedCompositeFieldContainer[QueuePoller]
    backlog: int
    oldest: _duration_pb2.Duration
    congested: bool
    def __init__(self, kind: _Optional[str] = ..., pollers: _Optional[_Iterable[_Union[QueuePoller, _Mapping]]] = ..., backlog: _Optional[int] = ..., oldest: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., congested: _Optional[bool] = ...) -> None: ...

class ObservedQueue(_message.Message):
    __slots__ = ("namespace", "task_queue", "tasks", "error", "as_of")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    task_queue: str
    tasks: _containers.RepeatedCompositeFieldContainer[QueueTasks]
    error: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, namespace: _Optional[str] = ..., task_queue: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[QueueTasks, _Mapping]]] = ..., error: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListQueuesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListQueuesResponse(_message.Message):
    __slots__ = ("queues", "next_page_token")
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    queues: _containers.RepeatedCompositeFieldContainer[ObservedQueue]
    next_page_token: str
    def __init__(self, queues: _Optional[_Iterable[_Union[ObservedQueue, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ObserverJob(_message.Message):
    __slots__ = ("name", "process", "every", "ended", "succeeded", "error", "overdue")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    EVERY_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    process: str
    every: _duration_pb2.Duration
    ended: _timestamp_pb2.Timestamp
    succeeded: _timestamp_pb2.Timestamp
    error: str
    overdue: bool
    def __init__(self, name: _Optional[str] = ..., process: _Optional[str] = ..., every: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ended: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., succeeded: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error: _Optional[str] = ..., overdue: _Optional[bool] = ...) -> None: ...

class ListObserverJobsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListObserverJobsResponse(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[ObserverJob]
    def __init__(self, jobs: _Optional[_Iterable[_Union[ObserverJob, _Mapping]]] = ...) -> None: ...

class PublishBuildRequest(_message.Message):
    __slots__ = ("team", "document")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    team: str
    document: bytes
    def __init__(self, team: _Optional[str] = ..., document: _Optional[bytes] = ...) -> None: ...

class PublishBuildResponse(_message.Message):
    __slots__ = ("changed",)
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    changed: bool
    def __init__(self, changed: _Optional[bool] = ...) -> None: ...

class WithdrawBuildRequest(_message.Message):
    __slots__ = ("team", "build")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    BUILD_FIELD_NUMBER: _ClassVar[int]
    team: str
    build: str
    def __init__(self, team: _Optional[str] = ..., build: _Optional[str] = ...) -> None: ...

class WithdrawBuildResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AgentFingerprint(_message.Message):
    __slots__ = ("agent", "digest", "fields")
    class FieldsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AGENT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    agent: str
    digest: str
    fields: _containers.ScalarMap[str, str]
    def __init__(self, agent: _Optional[str] = ..., digest: _Optional[str] = ..., fields: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Build(_message.Message):
    __slots__ = ("team", "build", "agents", "published")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    BUILD_FIELD_NUMBER: _ClassVar[int]
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    team: str
    build: str
    agents: _containers.RepeatedCompositeFieldContainer[AgentFingerprint]
    published: _timestamp_pb2.Timestamp
    def __init__(self, team: _Optional[str] = ..., build: _Optional[str] = ..., agents: _Optional[_Iterable[_Union[AgentFingerprint, _Mapping]]] = ..., published: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListBuildsRequest(_message.Message):
    __slots__ = ("team", "summary", "page_size", "page_token")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    team: str
    summary: bool
    page_size: int
    page_token: str
    def __init__(self, team: _Optional[str] = ..., summary: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListBuildsResponse(_message.Message):
    __slots__ = ("builds", "next_page_token")
    BUILDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    builds: _containers.RepeatedCompositeFieldContainer[Build]
    next_page_token: str
    def __init__(self, builds: _Optional[_Iterable[_Union[Build, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Budget(_message.Message):
    __slots__ = ("team", "caller", "period", "tokens", "cost", "spent_tokens", "spent_cost", "held_tokens", "held_cost", "author", "changed")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    SPENT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    SPENT_COST_FIELD_NUMBER: _ClassVar[int]
    HELD_TOKENS_FIELD_NUMBER: _ClassVar[int]
    HELD_COST_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    team: str
    caller: str
    period: str
    tokens: int
    cost: int
    spent_tokens: int
    spent_cost: int
    held_tokens: int
    held_cost: int
    author: str
    changed: _timestamp_pb2.Timestamp
    def __init__(self, team: _Optional[str] = ..., caller: _Optional[str] = ..., period: _Optional[str] = ..., tokens: _Optional[int] = ..., cost: _Optional[int] = ..., spent_tokens: _Optional[int] = ..., spent_cost: _Optional[int] = ..., held_tokens: _Optional[int] = ..., held_cost: _Optional[int] = ..., author: _Optional[str] = ..., changed: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SetBudgetRequest(_message.Message):
    __slots__ = ("signed", "team", "caller", "period", "tokens", "cost", "remove")
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    signed: bytes
    team: str
    caller: str
    period: str
    tokens: int
    cost: int
    remove: bool
    def __init__(self, signed: _Optional[bytes] = ..., team: _Optional[str] = ..., caller: _Optional[str] = ..., period: _Optional[str] = ..., tokens: _Optional[int] = ..., cost: _Optional[int] = ..., remove: _Optional[bool] = ...) -> None: ...

class SetBudgetResponse(_message.Message):
    __slots__ = ("budget",)
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    budget: Budget
    def __init__(self, budget: _Optional[_Union[Budget, _Mapping]] = ...) -> None: ...

class ListBudgetsRequest(_message.Message):
    __slots__ = ("team",)
    TEAM_FIELD_NUMBER: _ClassVar[int]
    team: str
    def __init__(self, team: _Optional[str] = ...) -> None: ...

class ListBudgetsResponse(_message.Message):
    __slots__ = ("budgets",)
    BUDGETS_FIELD_NUMBER: _ClassVar[int]
    budgets: _containers.RepeatedCompositeFieldContainer[Budget]
    def __init__(self, budgets: _Optional[_Iterable[_Union[Budget, _Mapping]]] = ...) -> None: ...

class BlockUse(_message.Message):
    __slots__ = ("block", "tokens", "cost", "closed")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    block: str
    tokens: int
    cost: int
    closed: bool
    def __init__(self, block: _Optional[str] = ..., tokens: _Optional[int] = ..., cost: _Optional[int] = ..., closed: _Optional[bool] = ...) -> None: ...

class BlockWish(_message.Message):
    __slots__ = ("caller", "tokens", "cost")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    caller: str
    tokens: int
    cost: int
    def __init__(self, caller: _Optional[str] = ..., tokens: _Optional[int] = ..., cost: _Optional[int] = ...) -> None: ...

class BudgetUse(_message.Message):
    __slots__ = ("worker", "uses", "wishes", "request")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    WISHES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    worker: str
    uses: _containers.RepeatedCompositeFieldContainer[BlockUse]
    wishes: _containers.RepeatedCompositeFieldContainer[BlockWish]
    request: str
    def __init__(self, worker: _Optional[str] = ..., uses: _Optional[_Iterable[_Union[BlockUse, _Mapping]]] = ..., wishes: _Optional[_Iterable[_Union[BlockWish, _Mapping]]] = ..., request: _Optional[str] = ...) -> None: ...

class UseBudgetsRequest(_message.Message):
    __slots__ = ("signed",)
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    signed: bytes
    def __init__(self, signed: _Optional[bytes] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ("caller", "block", "limited", "tokens", "cost", "lasts", "short_of")
    CALLER_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    LIMITED_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    LASTS_FIELD_NUMBER: _ClassVar[int]
    SHORT_OF_FIELD_NUMBER: _ClassVar[int]
    caller: str
    block: str
    limited: bool
    tokens: int
    cost: int
    lasts: float
    short_of: str
    def __init__(self, caller: _Optional[str] = ..., block: _Optional[str] = ..., limited: _Optional[bool] = ..., tokens: _Optional[int] = ..., cost: _Optional[int] = ..., lasts: _Optional[float] = ..., short_of: _Optional[str] = ...) -> None: ...

class UseBudgetsResponse(_message.Message):
    __slots__ = ("blocks",)
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedCompositeFieldContainer[Block]
    def __init__(self, blocks: _Optional[_Iterable[_Union[Block, _Mapping]]] = ...) -> None: ...

class ModelUse(_message.Message):
    __slots__ = ("key", "root", "caller", "operation", "model", "at", "input_tokens", "output_tokens", "cost")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    key: str
    root: str
    caller: str
    operation: str
    model: str
    at: _timestamp_pb2.Timestamp
    input_tokens: int
    output_tokens: int
    cost: int
    def __init__(self, key: _Optional[str] = ..., root: _Optional[str] = ..., caller: _Optional[str] = ..., operation: _Optional[str] = ..., model: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cost: _Optional[int] = ...) -> None: ...

class ModelUses(_message.Message):
    __slots__ = ("uses",)
    USES_FIELD_NUMBER: _ClassVar[int]
    uses: _containers.RepeatedCompositeFieldContainer[ModelUse]
    def __init__(self, uses: _Optional[_Iterable[_Union[ModelUse, _Mapping]]] = ...) -> None: ...

class ReportUsageRequest(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: bytes
    def __init__(self, batch: _Optional[bytes] = ...) -> None: ...

class ReportUsageResponse(_message.Message):
    __slots__ = ("kept",)
    KEPT_FIELD_NUMBER: _ClassVar[int]
    kept: int
    def __init__(self, kept: _Optional[int] = ...) -> None: ...

class SumSpendingRequest(_message.Message):
    __slots__ = ("by", "since", "until", "team", "caller")
    BY_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    TEAM_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    by: _containers.RepeatedScalarFieldContainer[str]
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    team: str
    caller: str
    def __init__(self, by: _Optional[_Iterable[str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., team: _Optional[str] = ..., caller: _Optional[str] = ...) -> None: ...

class Spending(_message.Message):
    __slots__ = ("team", "caller", "operation", "model", "day", "calls", "errors", "model_calls", "input_tokens", "output_tokens", "cost", "unpriced")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    MODEL_CALLS_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    UNPRICED_FIELD_NUMBER: _ClassVar[int]
    team: str
    caller: str
    operation: str
    model: str
    day: _timestamp_pb2.Timestamp
    calls: int
    errors: int
    model_calls: int
    input_tokens: int
    output_tokens: int
    cost: int
    unpriced: int
    def __init__(self, team: _Optional[str] = ..., caller: _Optional[str] = ..., operation: _Optional[str] = ..., model: _Optional[str] = ..., day: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., calls: _Optional[int] = ..., errors: _Optional[int] = ..., model_calls: _Optional[int] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cost: _Optional[int] = ..., unpriced: _Optional[int] = ...) -> None: ...

class SumSpendingResponse(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[Spending]
    def __init__(self, rows: _Optional[_Iterable[_Union[Spending, _Mapping]]] = ...) -> None: ...
