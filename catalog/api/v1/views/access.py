"""Who asks, tokens, users, teams, grants, restrictions and the audit."""

from __future__ import annotations

import uuid
from datetime import timedelta

from drf_spectacular.utils import inline_serializer
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.access import selectors as access
from catalog.access import services as access_services
from catalog.api.v1.bodies import access as bodies
from catalog.api.v1.paging import decode_cursor, decode_place, identifier, limit, place
from catalog.api.v1.views.base import CURSOR, LIMIT, View, described, page, paged, problems, query
from catalog.journal import clock


class MeView(View):
    @described(responses={200: bodies.MeShape, **problems()})
    def get(self, request: Request) -> Response:
        """Return who asks."""
        me = self.principal
        return Response(
            {"handle": me.handle, "display_name": me.display_name, "teams": me.teams, "is_operator": me.is_operator}
        )


class AuditView(View):
    @described(
        parameters=[
            query("subject", uuid.UUID, "records of this dataset, catalog, …"),
            query("principal", str, "records of what this one did, such as user:mara"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.AuditShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Return who changed what, newest first; others than operators see what they did themselves."""
        asked = limit(request.GET)
        found = access.list_audit(
            principal=self.principal,
            subject_uuid=identifier(request.GET, "subject"),
            by=request.GET.get("principal") or None,
            before=decode_cursor("audit", request.GET.get("cursor"), int),
            limit=asked + 1,
        )
        return page(found, asked, "audit", lambda view: view.number)


class TokensView(View):
    @described(responses={200: inline_serializer("Tokens", {"items": bodies.TokenShape(many=True)}), **problems()})
    def get(self, request: Request) -> Response:
        """Return one's own tokens, without their secrets."""
        return Response({"items": access.list_tokens(principal=self.principal)})

    @described(request=bodies.CreateToken, responses={201: bodies.CreatedToken, **problems()})
    def post(self, request: Request) -> Response:
        """Create a token for oneself; its secret is shown this once."""
        body = self.checked(bodies.CreateToken)
        days = body["days"]
        user_id = self.principal.user_id
        assert user_id is not None
        token, secret = access_services.create_token(
            caller=self.caller,
            user_id=user_id,
            name=body["name"],
            expires_at=clock.now() + timedelta(days=days) if days is not None else None,
        )
        return Response(
            {"uuid": token.uuid, "name": token.name, "secret": secret, "expires_at": token.expires_at}, status=201
        )


class TokenView(View):
    @described(responses={204: None, **problems(404)})
    def delete(self, request: Request, token: uuid.UUID) -> Response:
        """Revoke a token; it ends within 5 s everywhere."""
        access_services.revoke_token(caller=self.caller, token_uuid=token)
        return Response(status=204)


class UsersView(View):
    @described(
        parameters=[
            query("q", str, "what stands in the name, the shown name or the e-mail"),
            query("team", str, "only members of this team"),
            LIMIT,
            CURSOR,
        ],
        responses={200: paged(bodies.UserShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Return users, by name."""
        asked = limit(request.GET)
        found = access.list_users(
            principal=self.principal,
            text=request.GET.get("q", ""),
            team=request.GET.get("team") or None,
            after=decode_cursor("users", request.GET.get("cursor"), str) or "",
            limit=asked + 1,
        )
        return page(found, asked, "users", lambda view: view.username)

    @described(request=bodies.CreateUser, responses={201: bodies.UserShape, **problems()})
    def post(self, request: Request) -> Response:
        """Create a user."""
        user = access_services.create_user(caller=self.caller, **self.checked(bodies.CreateUser))
        return Response(access.get_user(principal=self.principal, username=user.username), status=201)


class UserView(View):
    @described(responses={200: bodies.UserShape, **problems(404)})
    def get(self, request: Request, username: str) -> Response:
        """Return a user: oneself, or anybody as an operator."""
        return Response(access.get_user(principal=self.principal, username=username))

    @described(request=bodies.ChangeUser, responses={200: bodies.UserShape, **problems(404)})
    def patch(self, request: Request, username: str) -> Response:
        """Change a user. What is shown of oneself everybody may change; who is operator and who is let in, operators."""
        changes = self.checked(bodies.ChangeUser)
        access_services.change_user(caller=self.caller, username=username, changes=changes)
        return Response(access.get_user(principal=self.principal, username=username))


class PasswordView(View):
    @described(request=bodies.SetPassword, responses={204: None, **problems(404)})
    def put(self, request: Request, username: str) -> Response:
        """Set a password, which signs the user out everywhere. Tokens stay."""
        access_services.set_password(caller=self.caller, username=username, **self.checked(bodies.SetPassword))
        return Response(status=204)


class TeamsView(View):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.TeamShape), **problems()})
    def get(self, request: Request) -> Response:
        """Return teams, by name; their members are users of the team."""
        asked = limit(request.GET)
        after = decode_cursor("teams", request.GET.get("cursor"), str) or ""
        found = access.list_teams(principal=self.principal, after=after, limit=asked + 1)
        return page(found, asked, "teams", lambda view: view.name)

    @described(request=bodies.CreateTeam, responses={201: bodies.TeamShape, **problems(404)})
    def post(self, request: Request) -> Response:
        """Create a team."""
        team = access_services.create_team(caller=self.caller, **self.checked(bodies.CreateTeam))
        return Response(access.get_team(principal=self.principal, name=team.name), status=201)


class TeamView(View):
    @described(request=bodies.ChangeTeam, responses={200: bodies.TeamShape, **problems(404)})
    def patch(self, request: Request, name: str) -> Response:
        """Change what a team is called, or all who are in it."""
        access_services.change_team(caller=self.caller, name=name, **self.checked(bodies.ChangeTeam))
        return Response(access.get_team(principal=self.principal, name=name))


class GrantsView(View):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.GrantShape), **problems()})
    def get(self, request: Request) -> Response:
        """Return grants, by pattern."""
        asked = limit(request.GET)
        after = decode_place("grants", request.GET.get("cursor"))
        found = access.list_grants(principal=self.principal, after=after, limit=asked + 1)
        return page(found, asked, "grants", lambda view: place(view.pattern, view.uuid))

    @described(request=bodies.CreateGrant, responses={201: bodies.GrantShape, **problems(404)})
    def post(self, request: Request) -> Response:
        """Grant a role on a pattern of names."""
        body = self.checked(bodies.CreateGrant)
        grant = access_services.create_grant(
            caller=self.caller, role=body["role"], pattern=body["pattern"], username=body["user"], team=body["team"]
        )
        return Response(
            access.GrantView(grant.uuid, grant.role, body["pattern"], body["user"], body["team"]), status=201
        )


class GrantView(View):
    @described(responses={204: None, **problems(404)})
    def delete(self, request: Request, grant: uuid.UUID) -> Response:
        """Take a grant back."""
        access_services.revoke_grant(caller=self.caller, grant_uuid=grant)
        return Response(status=204)


class RestrictionsView(View):
    @described(parameters=[LIMIT, CURSOR], responses={200: paged(bodies.RestrictionShape), **problems()})
    def get(self, request: Request) -> Response:
        """Return the patterns whose datasets are known by grant only, in order."""
        asked = limit(request.GET)
        after = decode_cursor("restrictions", request.GET.get("cursor"), str) or ""
        found = access.list_restrictions(principal=self.principal, after=after, limit=asked + 1)
        items = [{"uuid": key, "pattern": pattern} for key, pattern in found]
        return page(items, asked, "restrictions", lambda item: item["pattern"])

    @described(request=bodies.CreateRestriction, responses={201: bodies.RestrictionShape, **problems()})
    def post(self, request: Request) -> Response:
        """Hide the datasets under a pattern from all who are not granted a role there by name."""
        pattern = self.checked(bodies.CreateRestriction)["pattern"]
        made = access_services.create_restriction(caller=self.caller, pattern=pattern)
        return Response({"uuid": made.uuid, "pattern": pattern}, status=201)


class RestrictionView(View):
    @described(responses={204: None, **problems(404)})
    def delete(self, request: Request, restriction: uuid.UUID) -> Response:
        """Lift a restriction."""
        access_services.revoke_restriction(caller=self.caller, restriction_uuid=restriction)
        return Response(status=204)
